import cProfile, pstats, time, resource as r
import dagster as dg
from tests.dagster.models import churn_asset, recipe
from tests.dagster.conftest import *
from tests.conftest import *
from pedigree.dagster import model_checks
def test_prof(instance, resources, pedigree):
    C=churn_asset()
    a=[C, model_checks(C, blocking=False)]
    dg.materialize(a, instance=instance, resources=resources)
    p=cProfile.Profile()
    t=time.time(); c=r.getrusage(r.RUSAGE_SELF)
    p.enable()
    dg.materialize(a, instance=instance, resources=resources, run_config=recipe(C,"2"))
    p.disable()
    c2=r.getrusage(r.RUSAGE_SELF)
    print("WALL", time.time()-t, "CPU", c2.ru_utime-c.ru_utime+c2.ru_stime-c.ru_stime)
    pstats.Stats(p).sort_stats("cumtime").print_stats(60)
    pstats.Stats(p).sort_stats("tottime").print_stats(15)
