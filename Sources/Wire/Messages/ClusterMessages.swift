//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore

/// Anyone to GCS. Answered by `KeyValueReply` with the same request id.
package struct KeyValueRequest: Hashable, Sendable, WireCodable {
    package var operation: KeyValueOperation
    package var namespace: String
    /// For `keys` the prefix.
    package var key: [UInt8]
    package var value: [UInt8]
    package var overwrite: Bool

    package init(operation: KeyValueOperation, namespace: String, key: [UInt8], value: [UInt8], overwrite: Bool) {
        self.operation = operation
        self.namespace = namespace
        self.key = key
        self.value = value
        self.overwrite = overwrite
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(operation)
        writer.write(namespace)
        writer.write(key)
        writer.write(value)
        writer.write(overwrite)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        operation = try reader.value()
        namespace = try reader.string()
        key = try reader.byteArray()
        value = try reader.byteArray()
        overwrite = try reader.bool()
    }
}

/// GCS.
package struct KeyValueReply: Hashable, Sendable, WireCodable {
    /// For `get`.
    package var value: [UInt8]?
    /// For `keys`, sorted.
    package var keys: [Key]
    /// Keys added, deleted or found.
    package var count: Int

    package init(value: [UInt8]? = nil, keys: [Key], count: Int) {
        self.value = value
        self.keys = keys
        self.count = count
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(optional: value) { $0.write($1) }
        writer.write(list: keys)
        writer.write(count)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        value = try reader.optional { (reader: inout WireReader) throws(WireError) in try reader.byteArray() }
        keys = try reader.values()
        count = try reader.count()
    }
}

/// A key of the key-value store.
package struct Key: Hashable, Sendable, WireCodable {
    package var bytes: [UInt8]

    package init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(bytes)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        bytes = try reader.byteArray()
    }
}

/// Anyone to GCS: send what is published on a channel.
package struct Subscribe: Hashable, Sendable, WireCodable {
    package var channel: String

    package init(channel: String) {
        self.channel = channel
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(channel)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        channel = try reader.string()
    }
}

/// Anyone to GCS.
package struct Unsubscribe: Hashable, Sendable, WireCodable {
    package var channel: String

    package init(channel: String) {
        self.channel = channel
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(channel)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        channel = try reader.string()
    }
}

/// Anyone to GCS: to all subscribers of a channel.
package struct Publish: Hashable, Sendable, WireCodable {
    package var channel: String
    package var payload: [UInt8]

    package init(channel: String, payload: [UInt8]) {
        self.channel = channel
        self.payload = payload
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(channel)
        writer.write(payload)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        channel = try reader.string()
        payload = try reader.byteArray()
    }
}

/// GCS to subscriber.
package struct Published: Hashable, Sendable, WireCodable {
    package var channel: String
    package var payload: [UInt8]

    package init(channel: String, payload: [UInt8]) {
        self.channel = channel
        self.payload = payload
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(channel)
        writer.write(payload)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        channel = try reader.string()
        payload = try reader.byteArray()
    }
}

/// Anyone to GCS. Answered by `ClusterStatus` with the same request id.
package struct QueryCluster: Hashable, Sendable, WireCodable {
    package init() {}

    package func encode(into writer: inout WireWriter) {
    }

    package init(from reader: inout WireReader) throws(WireError) {
    }
}

/// GCS: the cluster at one moment.
package struct ClusterStatus: Hashable, Sendable, WireCodable {
    package var nodes: [NodeStatus]
    package var demands: [Demand]
    package var actorsAlive: Int
    package var actorsPending: Int
    package var actorsDead: Int
    /// Jobs running.
    package var jobs: Int
    /// Objects kept until their job ends, because a reference left its owner.
    package var warnings: [String]
    /// What the stores of all live nodes wrote to disk and read back.
    package var spill: SpillReport
    /// Placement groups that wait.
    package var groups: [GroupDemand]

    package init(
        nodes: [NodeStatus], demands: [Demand], actorsAlive: Int, actorsPending: Int, actorsDead: Int, jobs: Int,
        warnings: [String], spill: SpillReport = SpillReport(), groups: [GroupDemand] = []
    ) {
        self.spill = spill
        self.groups = groups
        self.nodes = nodes
        self.demands = demands
        self.actorsAlive = actorsAlive
        self.actorsPending = actorsPending
        self.actorsDead = actorsDead
        self.jobs = jobs
        self.warnings = warnings
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(list: nodes)
        writer.write(list: demands)
        writer.write(actorsAlive)
        writer.write(actorsPending)
        writer.write(actorsDead)
        writer.write(jobs)
        writer.write(list: warnings) { $0.write($1) }
        writer.write(spill)
        writer.write(list: groups)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        nodes = try reader.values()
        demands = try reader.values()
        actorsAlive = try reader.count()
        actorsPending = try reader.count()
        actorsDead = try reader.count()
        jobs = try reader.count()
        warnings = try reader.list { (reader: inout WireReader) throws(WireError) in try reader.string() }
        spill = try reader.added(SpillReport()) { (reader: inout WireReader) throws(WireError) in try reader.value() }
        groups = try reader.added([]) { (reader: inout WireReader) throws(WireError) in try reader.values() }
    }
}

/// Placement groups of one kind that wait.
package struct GroupDemand: Hashable, Sendable, WireCodable {
    /// Bundles that are alike.
    package struct Bundles: Hashable, Sendable, WireCodable {
        package var shape: ResourceSet
        package var count: Int

        package init(shape: ResourceSet, count: Int) {
            self.shape = shape
            self.count = count
        }

        package func encode(into writer: inout WireWriter) {
            writer.write(shape)
            writer.write(count)
        }

        package init(from reader: inout WireReader) throws(WireError) {
            shape = try reader.value()
            count = try reader.count()
        }
    }

    package var bundles: [Bundles]
    /// Ray's name, "STRICT_PACK".
    package var strategy: String
    /// How many groups of this kind wait.
    package var count: Int
    /// Why the first of them does.
    package var reason: PendingReason

    package init(bundles: [Bundles], strategy: String, count: Int, reason: PendingReason) {
        self.bundles = bundles
        self.strategy = strategy
        self.count = count
        self.reason = reason
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(list: bundles)
        writer.write(strategy)
        writer.write(count)
        writer.write(reason)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        bundles = try reader.values()
        strategy = try reader.string()
        count = try reader.count()
        reason = try reader.value()
    }
}

/// A node at one moment.
package struct NodeStatus: Hashable, Sendable, WireCodable {
    package var info: NodeInfo
    package var isAlive: Bool
    package var available: ResourceSet
    package var storeUsed: Int
    package var objectCount: Int
    package var workerCount: Int
    package var deathReason: String
    /// Milliseconds after which what runs on a node that will leave is ended, 0 for never; nothing if it stays.
    package var drainMilliseconds: Int?
    /// Why it died, for programs, and in words: of a drained node those of who drained it.
    package var end: NodeEnd
    package var endMessage: String

    package init(
        info: NodeInfo, isAlive: Bool, available: ResourceSet, storeUsed: Int, objectCount: Int, workerCount: Int,
        deathReason: String, drainMilliseconds: Int?, end: NodeEnd = .unspecified, endMessage: String = ""
    ) {
        self.info = info
        self.isAlive = isAlive
        self.available = available
        self.storeUsed = storeUsed
        self.objectCount = objectCount
        self.workerCount = workerCount
        self.deathReason = deathReason
        self.end = end
        self.endMessage = endMessage
        self.drainMilliseconds = drainMilliseconds
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(info)
        writer.write(isAlive)
        writer.write(available)
        writer.write(storeUsed)
        writer.write(objectCount)
        writer.write(workerCount)
        writer.write(deathReason)
        writer.write(drainMilliseconds ?? -1)
        writer.write(end.rawValue)
        writer.write(endMessage)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        info = try reader.value()
        isAlive = try reader.bool()
        available = try reader.value()
        storeUsed = try reader.count()
        objectCount = try reader.count()
        workerCount = try reader.count()
        deathReason = try reader.string()
        let milliseconds = try reader.int()
        drainMilliseconds = milliseconds < 0 ? nil : milliseconds
        end = try reader.added(.unspecified) { (reader: inout WireReader) throws(WireError) in
            let number = try reader.uint8()
            guard let end = NodeEnd(rawValue: number) else { throw .unknownCase("NodeEnd", Int(number)) }
            return end
        }
        endMessage = try reader.added("") { (reader: inout WireReader) throws(WireError) in try reader.string() }
    }
}

/// What waits to be scheduled: how many of a shape, and why.
package struct Demand: Hashable, Sendable, WireCodable {
    package var shape: ResourceSet
    package var count: Int
    package var reason: PendingReason

    package init(shape: ResourceSet, count: Int, reason: PendingReason) {
        self.shape = shape
        self.count = count
        self.reason = reason
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(shape)
        writer.write(count)
        writer.write(reason)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        shape = try reader.value()
        count = try reader.count()
        reason = try reader.value()
    }
}

/// What is done in the key-value store.
package enum KeyValueOperation: UInt8, Hashable, Sendable, WireCodable {
    case get = 0
    case put = 1
    case delete = 2
    case exists = 3
    case keys = 4

    package func encode(into writer: inout WireWriter) { writer.write(rawValue) }

    package init(from reader: inout WireReader) throws(WireError) {
        let number = try reader.uint8()
        guard let value = KeyValueOperation(rawValue: number) else {
            throw .unknownCase("KeyValueOperation", Int(number))
        }
        self = value
    }
}
