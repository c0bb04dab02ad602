"""Connections to AWS: boto3 clients made once and only when needed, bounded in time, and one word for AWS being away.

boto3 on purpose, also where a client of our own would be faster: see docs/decisions/007-boto3-and-nothing-beside-it.md.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError, HTTPClientError, ResponseStreamingError
from botocore.exceptions import ConnectionError as AwsConnectionError
from botocore.parsers import ResponseParserError

from chalicelib.adapters.metering import meter_of_process
from chalicelib.ports import CALLS_AT_ONCE, Unavailable
from chalicelib.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_sqs import SQSClient

ATTEMPTS = 3
ROUNDS = 7
CALLERS = 32
CONNECTIONS = 40  # as many as parallel.py has threads
_FIRST_PAUSE_SECONDS = 0.05
_LONGEST_PAUSE_SECONDS = 1.0

Service = Literal["dynamodb", "lambda", "secretsmanager", "sqs", "ssm"]

# Codes that mean «later», whatever HTTP status they come with.
_LATER = frozenset(
    {
        "InternalFailure",
        "InternalServerError",
        "OverLimit",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestTimeout",
        "ServiceUnavailable",
        "Throttling",
        "ThrottlingException",
        "TransactionInProgressException",
    }
)
_NOT_THERE = frozenset({"AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist", "ResourceNotFoundException"})


class Clients:
    """The AWS clients of one process, safe to share between threads."""

    def __init__(self, settings: Settings, *, endpoint_url: str | None = None, region: str | None = None) -> None:
        self.settings = settings
        self._where = {"endpoint_url": endpoint_url, "region_name": region}
        self._lock = threading.Lock()
        self._made: dict[str, Any] = {}
        self._session: Any = None
        self._callers: OrderedDict[str, Any] = OrderedDict()

    @property
    def dynamodb(self) -> DynamoDBClient:
        """The DynamoDB client."""
        found: DynamoDBClient = self._made.get("dynamodb") or self._make("dynamodb")
        return found

    @property
    def sqs(self) -> SQSClient:
        """The SQS client."""
        found: SQSClient = self._made.get("sqs") or self._make("sqs")
        return found

    def store_of_secrets(self, service: Literal["secretsmanager", "ssm"]) -> Any:
        """Return the client of a store of secrets; a call waits for it, so it has less patience than the others."""
        return self._made.get(service) or self._make(service, Config(read_timeout=2, connect_timeout=1))

    def caller(self, service: Literal["lambda", "sqs"], timeout_seconds: float) -> Any:
        """Return a client for one step's call: one attempt, which ends when the step's time is over."""
        name = f"{service} within {timeout_seconds}"
        found = self._callers.get(name)
        if found is None:
            connect_seconds = min(2.0, timeout_seconds)
            config = Config(
                connect_timeout=connect_seconds,
                read_timeout=timeout_seconds,
                max_pool_connections=CALLS_AT_ONCE,
                retries={"total_max_attempts": 1},
            )
            with self._lock:
                found = self._callers[name] = self._client(service, _config().merge(config))
                while len(self._callers) > CALLERS:
                    self._callers.popitem(last=False)
        return found

    def _make(self, service: Service, changes: Config | None = None) -> Any:
        with self._lock:  # making clients is not safe in threads
            if service not in self._made:
                client = self._client(service, _config() if changes is None else _config().merge(changes))
                if self.settings.meter:
                    meter_of_process().watch(client)
                self._made[service] = client
            return self._made[service]

    def _client(self, service: Service, config: Config) -> Any:
        if self._session is None:
            self._session = boto3.Session()
        return self._session.client(service, config=config, **self._where)


def _config() -> Config:
    return Config(
        connect_timeout=2,
        read_timeout=5,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        max_pool_connections=CONNECTIONS,
        tcp_keepalive=True,
        # All parameters are made by code that the contract tests run; checking them again costs a tenth of a call.
        parameter_validation=False,
        disable_request_compression=True,
        # Else it is put together anew for every request, by a quarter of all that Python calls for one.
        user_agent="sedo",
    )


@contextmanager
def reaching_aws() -> Iterator[None]:
    """Turn «cannot be reached», «too busy» and «not there» into Unavailable; other errors are bugs and pass unchanged.

    Tables and queues are not there while somebody still makes them, or has taken them away and will bring them back.
    """
    try:
        yield
    except ClientError as error:
        if not is_busy(error) and error.response.get("Error", {}).get("Code") not in _NOT_THERE:
            raise
        raise Unavailable(f"{error.operation_name}: {error}") from error
    except (AwsConnectionError, HTTPClientError, ResponseParserError, ResponseStreamingError) as error:
        raise Unavailable(str(error)) from error


def is_busy(error: ClientError) -> bool:
    """Say whether AWS answered that it cannot do it now."""
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return error.response.get("Error", {}).get("Code") in _LATER or status >= 500 or status == 429


def rounds(what: str) -> Iterator[int]:
    """Count the tries of something that is answered in parts, with growing pauses between; Unavailable at the end."""
    for number in range(ROUNDS):
        if number:
            time.sleep(min(_FIRST_PAUSE_SECONDS * 2 ** (number - 1), _LONGEST_PAUSE_SECONDS))
        yield number
    raise Unavailable(f"{what}: not all was taken in {ROUNDS} rounds")
