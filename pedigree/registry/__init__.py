"""The registry: every verb, each handed on to the subject that does its work.

>>> from pedigree import Registry
>>> with Registry.connect() as registry:                          # doctest: +SKIP
...     registry.get("customer_churn@production").metrics["roc_auc"]
0.92

Each group of verbs is a module of this package; each verb hands on to the subject that does its
work.
"""

from pedigree.registry.access import AccessVerbs
from pedigree.registry.delivering import DeliveryVerbs
from pedigree.registry.lineage import LineageVerbs
from pedigree.registry.models import ModelVerbs
from pedigree.registry.monitoring import MonitoringVerbs
from pedigree.registry.quarantining import QuarantineVerbs
from pedigree.registry.registering import RegisteringVerbs
from pedigree.registry.retention import RetentionVerbs
from pedigree.registry.searching import SearchVerbs
from pedigree.registry.uploading import UploadVerbs


class Registry(
    RegisteringVerbs,
    UploadVerbs,
    MonitoringVerbs,
    LineageVerbs,
    QuarantineVerbs,
    RetentionVerbs,
    SearchVerbs,
    ModelVerbs,
    AccessVerbs,
    DeliveryVerbs,
):
    """A model registry: records in Postgres, bytes in an object store.

    Made by :meth:`connect`. It may be shared between threads; after a fork the child's first use
    opens connections of its own.
    """
