//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore

/// A driver as it introduces itself.
package struct JobInfo: Hashable, Sendable, WireCodable {
    package var driver: Address
    package var processID: Int32
    /// Empty for an anonymous one.
    package var namespace: String
    /// Command line, for people.
    package var entrypoint: String
    package var program: Program

    package init(driver: Address, processID: Int32, namespace: String, entrypoint: String, program: Program) {
        self.driver = driver
        self.processID = processID
        self.namespace = namespace
        self.entrypoint = entrypoint
        self.program = program
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(driver)
        writer.write(processID)
        writer.write(namespace)
        writer.write(entrypoint)
        writer.write(program)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        driver = try reader.value()
        processID = try reader.int32()
        namespace = try reader.string()
        entrypoint = try reader.string()
        program = try reader.value()
    }
}

/// Driver to GCS: a new job. Answered by `JobRegistered`.
package struct RegisterJob: Hashable, Sendable, WireCodable {
    package var info: JobInfo

    package init(info: JobInfo) {
        self.info = info
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(info)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        info = try reader.value()
    }
}

/// GCS to driver: the job's id.
package struct JobRegistered: Hashable, Sendable, WireCodable {
    package var job: JobID
    package var namespace: String
    /// Nodes alive now.
    package var nodes: [NodeInfo]
    /// Whether the cluster has the driver's executable already.
    package var hasProgram: Bool
    /// The cluster's identity, the same after its head was started again.
    package var clusterName: String
    /// How long a process waits for a head that is away; 0 where it does not come back.
    package var reconnectMilliseconds: Int

    package init(
        job: JobID, namespace: String, nodes: [NodeInfo], hasProgram: Bool, clusterName: String = "",
        reconnectMilliseconds: Int = 0
    ) {
        self.job = job
        self.namespace = namespace
        self.nodes = nodes
        self.hasProgram = hasProgram
        self.clusterName = clusterName
        self.reconnectMilliseconds = reconnectMilliseconds
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(job)
        writer.write(namespace)
        writer.write(list: nodes)
        writer.write(hasProgram)
        writer.write(clusterName)
        writer.write(reconnectMilliseconds)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        job = try reader.identifier()
        namespace = try reader.string()
        nodes = try reader.values()
        hasProgram = try reader.bool()
        clusterName = try reader.added("") { (reader: inout WireReader) throws(WireError) in try reader.string() }
        reconnectMilliseconds = try reader.added(0) { (reader: inout WireReader) throws(WireError) in
            try reader.int()
        }
    }
}

/// Driver to GCS: the program ends.
package struct FinishJob: Hashable, Sendable, WireCodable {
    package init() {}

    package func encode(into writer: inout WireWriter) {
    }

    package init(from reader: inout WireReader) throws(WireError) {
    }
}

/// Driver to GCS: a piece of an executable. Answered by `BlobStored` with the same request id.
package struct StoreBlob: Hashable, Sendable, WireCodable {
    package var hash: String
    package var offset: Int
    package var total: Int
    package var bytes: [UInt8]

    package init(hash: String, offset: Int, total: Int, bytes: [UInt8]) {
        self.hash = hash
        self.offset = offset
        self.total = total
        self.bytes = bytes
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(hash)
        writer.write(offset)
        writer.write(total)
        writer.write(bytes)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        hash = try reader.string()
        offset = try reader.int()
        total = try reader.int()
        bytes = try reader.byteArray()
    }
}

/// GCS to driver.
package struct BlobStored: Hashable, Sendable, WireCodable {
    package var error: RayError?

    package init(error: RayError? = nil) {
        self.error = error
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(optional: error)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        error = try reader.optionalValue()
    }
}

/// Raylet to GCS: a piece of an executable is wanted.
package struct FetchBlob: Hashable, Sendable, WireCodable {
    package var hash: String
    package var offset: Int
    package var count: Int

    package init(hash: String, offset: Int, count: Int) {
        self.hash = hash
        self.offset = offset
        self.count = count
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(hash)
        writer.write(offset)
        writer.write(count)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        hash = try reader.string()
        offset = try reader.int()
        count = try reader.int()
    }
}

/// GCS to raylet.
package struct BlobChunk: Hashable, Sendable, WireCodable {
    package var hash: String
    package var offset: Int
    package var total: Int
    package var bytes: [UInt8]
    package var error: RayError?

    package init(hash: String, offset: Int, total: Int, bytes: [UInt8], error: RayError? = nil) {
        self.hash = hash
        self.offset = offset
        self.total = total
        self.bytes = bytes
        self.error = error
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(hash)
        writer.write(offset)
        writer.write(total)
        writer.write(bytes)
        writer.write(optional: error)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        hash = try reader.string()
        offset = try reader.int()
        total = try reader.int()
        bytes = try reader.byteArray()
        error = try reader.optionalValue()
    }
}
