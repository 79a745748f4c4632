//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import ArgumentParser

/// The options of `ray start` that are served.
package struct StartOptions: ParsableArguments {
    @Flag(help: "Start the head of a new cluster on this machine.")
    package var head = false

    @Option(help: "The head of the cluster to join, HOST:PORT; 'auto' finds the one on this machine. [RAY_ADDRESS]")
    package var address: String?

    @Option(help: "The port of the head; 0 takes a free one. (default: 6379)")
    package var port: UInt16?

    @Option(
        name: .customLong("node-ip-address"),
        help: "This machine's address, to listen on and to be told to others. (default: 127.0.0.1)")
    package var nodeHost: String?

    @Option(help: "A name for this node, for people.")
    package var nodeName: String?

    @Option(help: "The port of this node's raylet; 0 takes a free one. (default: 0)")
    package var nodeManagerPort: UInt16?

    @Option(help: "The head's port for programs outside the cluster. (default: 10001)")
    package var rayClientServerPort: UInt16?

    @Option(
        name: .customLong("num-cpus"), parsing: .unconditional,
        help: "How many CPUs this node offers. (default: those found)")
    package var cpus: Double?

    @Option(
        name: .customLong("num-gpus"), parsing: .unconditional,
        help: "How many GPUs this node offers. (default: those found)")
    package var gpus: Double?

    @Option(parsing: .unconditional, help: "Bytes of memory this node offers. (default: what is left beside the store)")
    package var memory: Int?

    @Option(parsing: .unconditional, help: "Bytes of the object store. (default: 30 % of the memory)")
    package var objectStoreMemory: Int?

    @Option(
        help: "The folder for objects that the store has no room for. (default: the session's folder)")
    package var objectSpillingDirectory: String?

    @Option(help: #"Resources of your own as JSON, e.g. '{"licence": 2}'."#)
    package var resources: String?

    @Option(help: "Labels of this node, KEY=VALUE,KEY=VALUE.")
    package var labels: String?

    @Option(help: "The folder for sessions, logs and sockets. (default: $RAY_TMPDIR/ray, else /tmp/ray)")
    package var tempDir: String?

    @Flag(help: "Stay in the foreground until the node's processes end.")
    package var block = false

    @Flag(help: "Nothing is ever sent, with or without this.")
    package var disableUsageStats = false

    @Option(help: "Taken for Ray's sake; output is plain text.")
    package var logStyle: String?

    @Option(help: "Taken for Ray's sake; output has no colours.")
    package var logColor: String?

    @Flag(name: .shortAndLong, help: "Taken for Ray's sake.")
    package var verbose = false

    package init() {}
}

/// The options of Ray's `ray start` that are parsed, so that no command line breaks, but have no effect yet.
package struct UnservedStartOptions: ParsableArguments {
    @Option package var redisUsername: String?
    @Option package var redisPassword: String?
    @Option package var redisShardPorts: String?
    @Option package var objectManagerPort: Int?
    @Option package var minWorkerPort: Int?
    @Option package var maxWorkerPort: Int?
    @Option package var workerPortList: String?
    @Option package var includeDashboard: Truth?
    @Option package var dashboardHost: String?
    @Option package var dashboardPort: Int?
    @Option package var dashboardAgentListenPort: Int?
    @Option package var dashboardAgentGrpcPort: Int?
    @Option package var runtimeEnvAgentPort: Int?
    @Option package var plasmaDirectory: String?
    @Option package var autoscalingConfig: String?
    @Flag package var noRedirectOutput = false
    @Option package var systemConfig: String?
    @Flag package var enableObjectReconstruction = false
    @Option package var metricsExportPort: Int?
    @Flag package var noMonitor = false
    @Option package var tracingStartupHook: String?
    @Flag package var rayDebuggerExternal = false
    @Option package var labelsFile: String?
    @Option package var includeLogMonitor: Truth?
    @Flag package var enableResourceIsolation = false
    @Option package var systemReservedCpu: Double?
    @Option package var systemReservedMemory: Int?
    @Option package var cgroupPath: String?
    @Option package var proxyServerUrl: String?

    package init() {}

    /// The names of those that were given, in the order of their declaration.
    package var given: [String] {
        let presence: [(String, Bool)] = [
            ("redis-username", redisUsername != nil), ("redis-password", redisPassword != nil),
            ("redis-shard-ports", redisShardPorts != nil), ("object-manager-port", objectManagerPort != nil),
            ("min-worker-port", minWorkerPort != nil), ("max-worker-port", maxWorkerPort != nil),
            ("worker-port-list", workerPortList != nil), ("include-dashboard", includeDashboard?.value == true),
            ("dashboard-host", dashboardHost != nil), ("dashboard-port", dashboardPort != nil),
            ("dashboard-agent-listen-port", dashboardAgentListenPort != nil),
            ("dashboard-agent-grpc-port", dashboardAgentGrpcPort != nil),
            ("runtime-env-agent-port", runtimeEnvAgentPort != nil), ("plasma-directory", plasmaDirectory != nil),
            ("autoscaling-config", autoscalingConfig != nil), ("no-redirect-output", noRedirectOutput),
            ("system-config", systemConfig != nil), ("enable-object-reconstruction", enableObjectReconstruction),
            ("metrics-export-port", metricsExportPort != nil), ("tracing-startup-hook", tracingStartupHook != nil),
            ("ray-debugger-external", rayDebuggerExternal), ("labels-file", labelsFile != nil),
            ("include-log-monitor", includeLogMonitor?.value == true),
            ("enable-resource-isolation", enableResourceIsolation),
            ("system-reserved-cpu", systemReservedCpu != nil),
            ("system-reserved-memory", systemReservedMemory != nil), ("cgroup-path", cgroupPath != nil),
            ("proxy-server-url", proxyServerUrl != nil),
        ]
        return presence.filter(\.1).map { "--" + $0.0 }
    }
}

/// A truth value as Ray's command line takes it.
package struct Truth: ExpressibleByArgument, Sendable, Equatable {
    package var value: Bool

    package init?(argument: String) {
        switch argument.lowercased() {
        case "true", "t", "yes", "y", "on", "1": value = true
        case "false", "f", "no", "n", "off", "0": value = false
        default: return nil
        }
    }

    package static var allValueStrings: [String] { ["true", "false"] }
}
