"""How to reach a cluster's GCS."""

from dataclasses import dataclass
from typing import Optional

from swift_ray._native import ClusterID


@dataclass(frozen=True)
class GcsClientOptions:
    """An address "host:port" and the cluster that must answer there; a nil id stands for any.

    With `fetch_cluster_id_if_nil` a nil id is asked for when the connection is made.
    """

    address: str
    cluster_id: ClusterID
    fetch_cluster_id_if_nil: bool = False

    @classmethod
    def create(
        cls,
        gcs_address: str,
        cluster_id_hex: Optional[str],
        allow_cluster_id_nil: bool,
        fetch_cluster_id_if_nil: bool,
    ) -> "GcsClientOptions":
        """ValueError: no id although one is needed (Ray's own ends the process)."""
        cluster_id = ClusterID.from_hex(cluster_id_hex) if cluster_id_hex else ClusterID.nil()
        if cluster_id.is_nil() and not allow_cluster_id_nil and not fetch_cluster_id_if_nil:
            raise ValueError(f"the cluster at {gcs_address} has to be named by its id")
        return cls(gcs_address, cluster_id, fetch_cluster_id_if_nil)
