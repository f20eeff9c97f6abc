"""One node of OpenStack Swift with its S3 dialect, all from PyPI, in four processes."""

import getpass
import http.client
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from waiting import free_ports, wait_until

if TYPE_CHECKING:
    from supervisor import Children

_SWIFT_CONF = """\
[swift-hash]
swift_hash_path_prefix = tests
swift_hash_path_suffix = tests
[storage-policy:0]
name = gold
default = yes
policy_type = replication
"""

_COMMON = """\
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {port}
user = {user}
swift_dir = {folder}
devices = {folder}/devices
mount_check = false
workers = 0
disable_fallocate = true
log_address = {folder}/no-syslog-here
log_level = WARNING
recon_cache_path = {folder}/cache
"""

_BACKEND = """\
[pipeline:main]
pipeline = {kind}-server
[app:{kind}-server]
use = egg:swift#{kind}
"""

# The order is Swift's: s3api and its authentication before what multipart uploads stand on.
_FILTERS = (
    "catch_errors",
    "gatekeeper",
    "healthcheck",
    "listing_formats",
    "bulk",
    "s3api",
    "tempauth",
    "copy",
    "slo",
    "dlo",
    "versioned_writes",
)
_OPTIONS = {
    "s3api": "s3_acl = false\nlocation = us-east-1\ncheck_bucket_owner = false\n",
    "tempauth": "user_test_tester = testing .admin\n",
    "versioned_writes": "allow_versioned_writes = true\n",
}
_BACKENDS = ("account", "container", "object")


def start(folder: Path, children: "Children") -> dict[str, str]:
    """Start account, container, object and proxy server; return how to reach the last."""
    ports = free_ports(4)
    (folder / "devices" / "d1").mkdir(parents=True)
    (folder / "cache").mkdir()
    (folder / "swift.conf").write_text(_SWIFT_CONF)
    programs = Path(sys.executable).parent
    for kind, port in zip((*_BACKENDS, "proxy"), ports, strict=True):
        common = _COMMON.format(port=port, user=getpass.getuser(), folder=folder)
        if kind == "proxy":
            text = common + _proxy()
        else:
            _write_ring(folder / f"{kind}.ring.gz", port)
            text = common + _BACKEND.format(kind=kind)
        if kind == "object":
            text += "fallocate_reserve = 0\n"
        settings = folder / f"{kind}-server.conf"
        settings.write_text(text)
        children.start(
            str(programs / "python"), str(programs / f"swift-{kind}-server"), str(settings)
        )

    def healthy() -> bool:
        children.require_running()
        return _answers(ports[-1])

    wait_until(healthy, "the start of Swift")
    return {
        "endpoint_url": f"http://127.0.0.1:{ports[-1]}",
        "access_key_id": "test:tester",
        "secret_access_key": "testing",
        "region": "us-east-1",
    }


def _write_ring(path: Path, port: int) -> None:
    from swift.common.ring import RingBuilder

    builder = RingBuilder(part_power=2, replicas=1, min_part_hours=0)
    builder.add_dev(
        {
            "region": 1,
            "zone": 1,
            "ip": "127.0.0.1",
            "port": port,
            "device": "d1",
            "weight": 1.0,
            "replication_ip": "127.0.0.1",
            "replication_port": port,
            "meta": "",
        }
    )
    builder.rebalance()
    builder.get_ring().save(str(path))


def _proxy() -> str:
    filters = "".join(
        f"[filter:{name}]\nuse = egg:swift#{name}\n{_OPTIONS.get(name, '')}" for name in _FILTERS
    )
    return (
        f"[pipeline:main]\npipeline = {' '.join(_FILTERS)} proxy-server\n"
        "[app:proxy-server]\nuse = egg:swift#proxy\n"
        "allow_account_management = true\naccount_autocreate = true\n" + filters
    )


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
    try:
        connection.request("GET", "/healthcheck")
        return connection.getresponse().status == http.HTTPStatus.OK
    except OSError:
        return False
    finally:
        connection.close()
