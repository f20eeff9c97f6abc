"""The registry: every verb, each handed on to the subject that does its work.

>>> from pedigree import Registry
>>> with Registry.connect() as registry:                          # doctest: +SKIP
...     registry.get("customer_churn@production").metrics["roc_auc"]
0.92

Each group of verbs is a module of this package; each verb hands on to the subject that does its
work.
"""

from pedigree.registry.lineage import LineageVerbs
from pedigree.registry.models import ModelVerbs
from pedigree.registry.monitoring import MonitoringVerbs
from pedigree.registry.quarantine import QuarantineVerbs
from pedigree.registry.registration import RegisteringVerbs
from pedigree.registry.retention import RetentionVerbs
from pedigree.registry.search import SearchVerbs
from pedigree.registry.tokens import AccessVerbs
from pedigree.registry.uploads import UploadVerbs
from pedigree.registry.webhooks import DeliveryVerbs


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
