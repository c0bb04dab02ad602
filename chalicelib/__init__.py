"""All that ships to Lambda. Imports point one way: api, processor → runtime → adapters → ports → engine."""
