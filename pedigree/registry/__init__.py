"""The registry: every verb, each handed on to the subject that does its work.

>>> from pedigree import Registry
>>> with Registry.connect() as registry:                          # doctest: +SKIP
...     registry.get("customer_churn@production").metrics["roc_auc"]
0.92

Each group of verbs is a module of this package; each verb hands on to the subject that does its
work.
"""

from pedigree.registry.lineage import LineageOperations
from pedigree.registry.models import ModelOperations
from pedigree.registry.monitoring import MonitoringOperations
from pedigree.registry.quarantine import QuarantineOperations
from pedigree.registry.registration import RegisteringOperations
from pedigree.registry.retention import RetentionOperations
from pedigree.registry.search import SearchOperations
from pedigree.registry.tokens import AccessOperations
from pedigree.registry.uploads import UploadOperations
from pedigree.registry.webhooks import DeliveryOperations


class Registry(
    RegisteringOperations,
    UploadOperations,
    MonitoringOperations,
    LineageOperations,
    QuarantineOperations,
    RetentionOperations,
    SearchOperations,
    ModelOperations,
    AccessOperations,
    DeliveryOperations,
):
    """A model registry: records in Postgres, bytes in an object store.

    Made by :meth:`connect`. It may be shared between threads; after a fork the child's first use
    opens connections of its own.
    """
