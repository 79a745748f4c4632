//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayNode

/// What `ray start` takes from its surroundings.
package struct StartSurroundings: Sendable {
    /// `RAY_ADDRESS`, if set.
    package var address: String?
    /// Whether the operator of a Kubernetes cluster has started this process.
    package var isKubeRay: Bool
    /// The machine's first address that is not loopback.
    package var externalHost: String?
    /// The heads of nodes that live on this machine, latest last.
    package var localHeads: [AddressLookup.LocalHead]
    /// Why nobody knows a host of this name; nothing if it is known.
    package var unknownHost: @Sendable (String) -> String?

    package init(
        address: String? = nil, isKubeRay: Bool = false, externalHost: String? = nil,
        localHeads: [AddressLookup.LocalHead] = [], unknownHost: @escaping @Sendable (String) -> String? = { _ in nil }
    ) {
        self.address = address
        self.isKubeRay = isKubeRay
        self.externalHost = externalHost
        self.localHeads = localHeads
        self.unknownHost = unknownHost
    }
}

/// What `ray start` will do, worked out from its command line without doing any of it.
package struct StartPlan: Sendable {
    /// All but the token, which the machine gives.
    package var options = NodeStartOptions()
    package var isBlocking: Bool
    /// One line for each option that was given without effect.
    package var notices: [String]

    /// - Throws: `UsageError` if options contradict each other or have values out of range.
    package init(
        _ served: StartOptions, _ unserved: UnservedStartOptions, in surroundings: StartSurroundings
    ) throws(UsageError) {
        isBlocking = served.block
        notices = unserved.given.map { "\($0) is accepted but not served yet" }
        options.isHead = served.head
        if served.head {
            try takeHead(served, surroundings)
        } else {
            try takeWorker(served, unserved, surroundings)
        }
        options.rayletPort = served.nodeManagerPort ?? 0
        options.nodeName = served.nodeName ?? ""
        options.cpus = try Self.amount(served.cpus, of: "--num-cpus")
        options.gpus = try Self.amount(served.gpus, of: "--num-gpus")
        options.memory = try Self.bytes(served.memory, of: "--memory")
        options.objectSpillingDirectory = served.objectSpillingDirectory
        options.objectStoreMemory = try Self.bytes(served.objectStoreMemory, of: "--object-store-memory")
        if let text = served.resources { options.resources = try StartValues.resources(text) }
        if let text = served.labels { options.labels = try StartValues.labels(text) }
        options.temporaryRoot = served.tempDir
    }

    private mutating func takeHead(
        _ served: StartOptions, _ surroundings: StartSurroundings
    ) throws(UsageError) {
        guard served.address == nil else {
            throw UsageError(
                "--head starts a new cluster and --address joins one; give only one of them "
                    + "(--node-ip-address says on which address the head listens)")
        }
        options.port = served.port ?? 6379
        options.clientPort = served.rayClientServerPort ?? 10001
        options.nodeHost = served.nodeHost ?? Self.defaultHost(surroundings)
        try Self.check(HostAddress(host: options.nodeHost, port: options.port), surroundings)
        // Probes and commands inside the pod use localhost; "0.0.0.0" and "::" have it already.
        options.listensOnLoopback =
            surroundings.isKubeRay && !HostAddress.isLoopback(options.nodeHost)
            && !["0.0.0.0", "::"].contains(options.nodeHost)
    }

    private mutating func takeWorker(
        _ served: StartOptions, _ unserved: UnservedStartOptions, _ surroundings: StartSurroundings
    ) throws(UsageError) {
        let headOnly = [
            ("--port", served.port != nil), ("--redis-shard-ports", unserved.redisShardPorts != nil),
            ("--include-dashboard", unserved.includeDashboard != nil),
        ].filter(\.1).map(\.0)
        if served.address == nil, surroundings.address?.isEmpty ?? true {
            throw UsageError(
                "'ray start' needs --head to start a new cluster, or --address=HOST:PORT to join one")
        }
        if let name = headOnly.first {
            throw UsageError("\(name) belongs to the head; give it together with --head, or leave it out")
        }
        let head = try Self.head(served.address ?? surroundings.address ?? "", surroundings)
        options.headHost = head.host
        options.headPort = head.port
        options.clientPort = nil
        options.nodeHost = served.nodeHost ?? Self.defaultHost(surroundings)
        if !head.isLoopback, HostAddress.isLoopback(options.nodeHost) {
            if let reason = surroundings.unknownHost(head.host) {
                throw UsageError("the head's address '\(head.host)' cannot be resolved: \(reason); check --address")
            }
            let found = surroundings.externalHost ?? "ADDRESS"
            throw UsageError(
                "the head at \(head) cannot reach a node that listens on loopback only; "
                    + "say which address this machine has there: --node-ip-address=\(found)")
        }
    }

    private static func head(_ text: String, _ surroundings: StartSurroundings) throws(UsageError) -> HostAddress {
        guard text == "auto" else { return try HostAddress(parsing: text) }
        guard let local = surroundings.localHeads.last else {
            throw UsageError("--address=auto finds no head on this machine; give --address=HOST:PORT or --head")
        }
        return local.address
    }

    /// Refuses to start a second head where there is one.
    private static func check(_ own: HostAddress, _ surroundings: StartSurroundings) throws(UsageError) {
        let isThere = surroundings.localHeads.contains { head in
            head.isServedHere && head.address.port == own.port
                && (head.address.host == own.host || (head.address.isLoopback && own.isLoopback))
        }
        guard isThere else { return }
        throw UsageError(
            "a cluster of yours runs at \(own) already: 'ray stop' ends it, and 'ray start --address=\(own)' adds a "
                + "node to it; a second one needs other ports (--port, --ray-client-server-port)")
    }

    /// Loopback where a person starts the node; the pod's address where the operator does.
    private static func defaultHost(_ surroundings: StartSurroundings) -> String {
        surroundings.isKubeRay ? surroundings.externalHost ?? "127.0.0.1" : "127.0.0.1"
    }

    private static func amount(_ value: Double?, of name: String) throws(UsageError) -> Double? {
        guard let value else { return nil }
        guard value >= 0, value.isFinite else { throw UsageError("\(name) is \(value); it cannot be negative") }
        return value
    }

    private static func bytes(_ value: Int?, of name: String) throws(UsageError) -> Int? {
        guard let value else { return nil }
        guard value >= 0 else { throw UsageError("\(name) is \(value); give bytes, which cannot be negative") }
        return value
    }
}
