"""What tests, packages and deploys sedo: the insides of scripts/test, scripts/package and scripts/deploy.

test        runs tiers of tests (`tiers`) with what they need (`localstack`) and counts
package     what AWS gets: a SAM template and a zip
deploy      that, on AWS: the resources' stack, then Chalice's own deployment (`aws`, `policy`)
"""
