"""LocalStack without Docker: scripts/localstack lets `install` fill .sandbox/localstack and `launch` run in there."""
