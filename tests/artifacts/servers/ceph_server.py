"""One node of Ceph with its RADOS gateway, objects in memory, in three processes."""

import http.client
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from waiting import free_ports, wait_until

if TYPE_CHECKING:
    from supervisor import Children

# Messenger v1, since v2 without authentication once hung for ever; short paxos intervals, since
# the first user took 9 s otherwise; tcp_nodelay, since a GET took 20 ms otherwise. The memory
# device is a limit, not an allocation.
_CEPH_CONF = """\
[global]
fsid = {fsid}
mon_initial_members = a
mon_host = v1:127.0.0.1:{mon_port}
ms_bind_msgr2 = false
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
auth_cluster_required = none
auth_service_required = none
auth_client_required = none
auth_allow_insecure_global_id_reclaim = false
run_dir = {folder}/run
log_file = {folder}/$name.log
mon_cluster_log_file = {folder}/cluster.log
admin_socket = {folder}/run/$name.asok
pid_file = {folder}/run/$name.pid
crash_dir = {folder}/run
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 8
osd_pool_default_pgp_num = 8
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
mon_allow_pool_size_one = true
paxos_propose_interval = 0.02
paxos_min_wait = 0.01
rgw_rados_pool_autoscale_bias = 0
mon_osd_initial_require_min_compat_client = luminous
osd_objectstore = memstore
memstore_device_bytes = 12884901888
osd_memory_target = 1073741824
osd_max_object_name_len = 460
mon_allow_pool_delete = true
mon_warn_on_pool_no_redundancy = false
[mon.a]
mon_data = {folder}/mon
[osd.0]
osd_data = {folder}/osd
[client.rgw.a]
rgw_data = {folder}/rgw
rgw_frontends = beast endpoint=127.0.0.1:{rgw_port} tcp_nodelay=1
rgw_dns_name = localhost
rgw_gc_obj_min_wait = 1
rgw_gc_processor_period = 5
rgw_gc_processor_max_time = 5
"""


def start(folder: Path, children: "Children") -> dict[str, str]:
    """Start monitor, object store daemon and gateway; return how to reach the last."""
    mon_port, rgw_port = free_ports(2)
    fsid = str(uuid.uuid4())
    for name in ("mon", "osd", "rgw", "run"):
        (folder / name).mkdir()
    settings = folder / "ceph.conf"
    settings.write_text(
        _CEPH_CONF.format(folder=folder, fsid=fsid, mon_port=mon_port, rgw_port=rgw_port)
    )
    here = ("-c", str(settings))
    children.run(
        *("monmaptool", "--create", "--enable-all-features", "--fsid", fsid),
        *("--addv", "a", f"[v1:127.0.0.1:{mon_port}]", str(folder / "monmap")),
    )
    children.run("ceph-mon", "-i", "a", "--mkfs", "--monmap", str(folder / "monmap"), *here)
    children.start("ceph-mon", "-f", "-i", "a", *here)
    # The monitor silently ignores the boot of an OSD that has an unexpected id.
    osd_id = str(uuid.uuid4())
    children.run("ceph", *here, "osd", "new", osd_id)
    children.run("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", osd_id, *here)
    children.run(
        "ceph", *here, "osd", "crush", "add", "osd.0", "1.0", "root=default", "host=localhost"
    )
    # On a busy machine its first command may overtake the map of the monitors; it is refused then
    # ("wrong fsid"), and the daemon ends.
    log = folder / "osd.0.log"
    children.start_until(lambda: _is_active(log), "ceph-osd", "-f", "-i", "0", *here)
    children.run(
        *("radosgw-admin", *here, "-n", "client.rgw.a", "user", "create", "--uid=test"),
        *("--display-name=test", "--access-key=testkey", "--secret-key=testsecret123"),
    )
    children.start("radosgw", "-f", "-n", "client.rgw.a", *here)

    def answers() -> bool:
        children.require_running()
        connection = http.client.HTTPConnection("127.0.0.1", rgw_port, timeout=5)
        try:
            connection.request("GET", "/")
            return connection.getresponse().status == http.HTTPStatus.OK
        except OSError:
            return False
        finally:
            connection.close()

    wait_until(answers, "the start of the RADOS gateway")
    return {
        "endpoint_url": f"http://127.0.0.1:{rgw_port}",
        "access_key_id": "testkey",
        "secret_access_key": "testsecret123",
        "region": "us-east-1",
    }


def _is_active(log: Path) -> bool:
    return log.exists() and "state: booting -> active" in log.read_text(errors="replace")
