"""Names and numbers that Ray's Python reads from its core."""

AUTHORIZATION_HEADER_NAME = "authorization"

# Names of port files, see `ports.py`.
DASHBOARD_AGENT_LISTEN_PORT_NAME = "dashboard_agent_listen_port"
GCS_SERVER_PORT_NAME = "gcs_server_port"
METRICS_AGENT_PORT_NAME = "metrics_agent_port"
METRICS_EXPORT_PORT_NAME = "metrics_export_port"
RUNTIME_ENV_AGENT_PORT_NAME = "runtime_env_agent_port"

# Keys and namespaces of the GCS's key-value store.
GCS_AUTOSCALER_CLUSTER_CONFIG_KEY = "__autoscaler_cluster_config"
GCS_AUTOSCALER_STATE_NAMESPACE = "__autoscaler"
GCS_AUTOSCALER_V2_ENABLED_KEY = "__autoscaler_v2_enabled"
GCS_PID_KEY = "gcs_pid"
RAY_INTERNAL_DASHBOARD_NAMESPACE = "_ray_internal_dashboard"
RAY_INTERNAL_NAMESPACE_PREFIX = "_ray_internal_"
WORKER_PROCESS_SETUP_HOOK_KEY_NAME_GCS = str(b"FunctionsToRun")

# Status codes of gRPC in `RpcError.rpc_code`.
GRPC_STATUS_CODE_UNKNOWN = 2
GRPC_STATUS_CODE_DEADLINE_EXCEEDED = 4
GRPC_STATUS_CODE_RESOURCE_EXHAUSTED = 8
GRPC_STATUS_CODE_UNIMPLEMENTED = 12
GRPC_STATUS_CODE_UNAVAILABLE = 14

# Environment variables that label a node, and the labels' keys.
NODE_MARKET_TYPE_ENV = "RAY_NODE_MARKET_TYPE"
NODE_REGION_ENV = "RAY_NODE_REGION"
NODE_TYPE_NAME_ENV = "RAY_NODE_TYPE_NAME"
NODE_ZONE_ENV = "RAY_NODE_ZONE"
RAY_NODE_ACCELERATOR_TYPE_KEY = "ray.io/accelerator-type"
RAY_NODE_GROUP_KEY = "ray.io/node-group"
RAY_NODE_ID_KEY = "ray.io/node-id"
RAY_NODE_MARKET_TYPE_KEY = "ray.io/market-type"
RAY_NODE_REGION_KEY = "ray.io/availability-region"
RAY_NODE_TPU_POD_TYPE_KEY = "ray.io/tpu-pod-type"
RAY_NODE_TPU_SLICE_NAME_KEY = "ray.io/tpu-slice-name"
RAY_NODE_TPU_TOPOLOGY_KEY = "ray.io/tpu-topology"
RAY_NODE_TPU_WORKER_ID_KEY = "ray.io/tpu-worker-id"
RAY_NODE_ZONE_KEY = "ray.io/availability-zone"

# Resources: the prefix of those that every node has one of, and the parts that a unit is counted in.
IMPLICIT_RESOURCE_PREFIX = "node:__internal_implicit_resource_"
RESOURCE_UNIT_SCALING = 10000

# Whether the core is a release build.
OPTIMIZED = 1

# `num_returns` of a task whose results stream.
STREAMING_GENERATOR_RETURN = -2
