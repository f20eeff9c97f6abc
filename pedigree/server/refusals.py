"""What limits refuse before a route sees it."""

from enum import StrEnum

MOST_HEADER_BYTES = 64 << 10
MOST_HEADERS = 100


class Refusal(StrEnum):
    """Why a connection or a request is refused; the label ``reason`` of the metric."""

    CONNECTIONS = "connections"
    ADDRESS = "address"
    HEADER_SIZE = "header_size"
    HEADER_COUNT = "header_count"
    HEADER_TIME = "header_time"
    MALFORMED = "malformed"
    PIPELINE = "pipeline"
    BODY_TIME = "body_time"
    BODIES = "bodies"
    READER = "reader"
    TOKENS = "tokens"
    PLACES = "places"
    REQUESTS = "requests"
    SEARCHES = "searches"
    UPLOADS = "uploads"
    STREAMS = "streams"
    CHECKS = "checks"
    PASSED_ON = "passed_on"
