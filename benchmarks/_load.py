"""Drive a server over HTTP by keep-alive connections, and say how many requests a second it does.

Run as a program in a process of its own, so that it takes nothing of the server's interpreter:
``python -m benchmarks._load HOST PORT SECONDS CONNECTIONS < requests.json``. It reads a list of
requests as text, sends them by turns, and prints a JSON object.
"""

import json
import socket
import sys
import threading
import time
from typing import NamedTuple


class Load(NamedTuple):
    """What one connection did."""

    latencies: list[float]
    statuses: set[int]


def drive(host: str, port: int, seconds: float, connections: int, requests: list[str]) -> Load:
    """Send the requests over so many connections at a time, each one behind its answer."""
    done: list[Load] = []
    until = time.perf_counter() + seconds

    def client(place: int) -> None:
        done.append(_client(host, port, until, requests[place::connections] or requests))

    threads = [threading.Thread(target=client, args=(place,)) for place in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    latencies = sorted(latency for each in done for latency in each.latencies)
    return Load(latencies, set().union(*(each.statuses for each in done)))


def _client(host: str, port: int, until: float, requests: list[str]) -> Load:
    encoded = [request.encode() for request in requests]
    latencies, statuses = [], set()
    with socket.create_connection((host, port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        place = 0
        while (started := time.perf_counter()) < until:
            connection.sendall(encoded[place % len(encoded)])
            statuses.add(_answer(connection))
            latencies.append(time.perf_counter() - started)
            place += 1
    return Load(latencies, statuses)


def _answer(connection: socket.socket) -> int:
    received = connection.recv(1 << 16)
    while b"\r\n\r\n" not in received:
        received += connection.recv(1 << 16)
    head, _, body = received.partition(b"\r\n\r\n")
    length = 0
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            length = int(line.partition(b":")[2])
    while len(body) < length:
        body += connection.recv(1 << 16)
    return int(head[9:12])


if __name__ == "__main__":
    host, port, seconds, connections = sys.argv[1:]
    load = drive(host, int(port), float(seconds), int(connections), json.load(sys.stdin))
    count = len(load.latencies)
    print(
        json.dumps(
            {
                "rate": count / float(seconds),
                "p99": load.latencies[int(count * 0.99)],
                "statuses": sorted(load.statuses),
            }
        )
    )
