"""What changes in the modules of Ray that start processes. Called by the finder after each of them is loaded."""

import os
from types import ModuleType

LIB = os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib")


def patch_services(services: ModuleType) -> None:
    """`ray._private.services` starts our `gcs_server` and `raylet` (same flags), and no dashboard."""
    services.GCS_SERVER_EXECUTABLE = os.path.join(LIB, "gcs_server")
    services.RAYLET_EXECUTABLE = os.path.join(LIB, "raylet")

    def start_api_server(*arguments, **options):
        """No url and no process: then Ray's Node records neither."""
        return "", None

    services.start_api_server = start_api_server


def patch_node(node: ModuleType) -> None:
    """A Node starts neither monitor nor log monitor: the GCS scales nothing, and raylets read the logs themselves."""

    def start_nothing(self) -> None:
        """Our core does what this process of Ray's is for."""

    node.Node.start_monitor = start_nothing
    node.Node.start_log_monitor = start_nothing
