//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import Testing

@Suite("Identifiers")
struct IdentifierTests {
    private let job = JobID(0x0403_0201)

    private func ones(_ count: Int) -> String { String(repeating: "f", count: 2 * count) }

    @Test("Sizes are Ray's")
    func sizes() {
        #expect(JobID.byteCount == 4)
        #expect(ActorID.byteCount == 16)
        #expect(TaskID.byteCount == 24)
        #expect(ObjectID.byteCount == 28)
        #expect(NodeID.byteCount == 28)
        #expect(WorkerID.byteCount == 28)
        #expect(LeaseID.byteCount == 28)
    }

    @Test("None is all ones")
    func none() {
        #expect(JobID.none.hex == ones(4))
        #expect(ActorID.none.hex == ones(16))
        #expect(TaskID.none.hex == ones(24))
        #expect(ObjectID.none.hex == ones(28))
        #expect(NodeID.none.hex == ones(28))
        #expect(WorkerID.none.hex == ones(28))
        #expect(LeaseID.none.hex == ones(28))
        #expect(ObjectID.none.isNone && !JobID(1).isNone)
    }

    @Test("Bytes and hex come back, another size is no identifier")
    func bytes() throws {
        let bytes = (0..<28).map { UInt8($0) }
        let object = try #require(ObjectID(bytes))
        #expect(object.bytes == bytes)
        #expect(object.hex == "000102030405060708090a0b0c0d0e0f101112131415161718191a1b")
        #expect(ObjectID(hex: object.hex) == object)
        #expect(object.task.bytes == Array(bytes[..<24]))
        #expect(try #require(TaskID(Array(bytes[..<24]))).actor.bytes == Array(bytes[8..<24]))
        #expect(try #require(ActorID(Array(bytes[..<16]))).job.bytes == Array(bytes[12..<16]))
        #expect(object.job.bytes == Array(bytes[20..<24]))
        #expect(ObjectID(Array(bytes[..<27])) == nil)
        #expect(ActorID(bytes) == nil)
        #expect(JobID(hex: "0102030") == nil)
        #expect(JobID(hex: "0102030g") == nil)
    }

    @Test("A job is its counter, little-endian")
    func jobs() {
        #expect(JobID(1).hex == "01000000")
        #expect(job.hex == "01020304")
    }

    @Test("An actor ends with its job, a normal task has ones in the actor's place")
    func tasks() {
        var generator = SplitMix64(seed: 1)
        let actor = ActorID.random(job: job, using: &generator)
        #expect(actor.job == job)
        #expect(actor.hex.hasSuffix("01020304"))
        let call = TaskID.actorTask(actor, using: &generator)
        #expect(call.actor == actor)
        #expect(call.job == job)
        #expect(call.hex.hasSuffix(actor.hex))
        let task = TaskID.normalTask(job: job, using: &generator)
        #expect(task.hex.dropFirst(16) == ones(12) + "01020304")
        #expect(task.job == job)
    }

    @Test("The driver's task and worker are made of ones and the job")
    func driver() {
        #expect(TaskID.driver(job: job).hex == ones(20) + "01020304")
        #expect(WorkerID.driver(job: job).hex == "01020304" + ones(24))
    }

    @Test("Returns count from 1, puts from 100,000,001 behind the returns")
    func objects() throws {
        let task = try #require(TaskID(hex: "c8ef45ccd0112571" + ones(12) + "01000000"))
        let prefix = "ffffffffffffffffffffffff01000000"
        #expect(ObjectID.taskReturn(task, index: 0).hex == "c8ef45ccd0112571" + prefix + "01000000")
        #expect(ObjectID.taskReturn(task, index: 2).hex == "c8ef45ccd0112571" + prefix + "03000000")
        let put = ObjectID.put(task, returns: 1, attempt: 2, count: 1)
        #expect(put.hex == "02ef45ccd0112571" + prefix + "02e1f505")
        let driverPut = ObjectID.put(.driver(job: JobID(1)), returns: 0, attempt: 0, count: 1)
        #expect(driverPut.hex == "00" + ones(19) + "01000000" + "01e1f505")
    }

    @Test("Puts of two attempts, and returns of all, do not meet")
    func attempts() {
        var generator = SplitMix64(seed: 2)
        let task = TaskID.normalTask(job: job, using: &generator)
        let first = ObjectID.put(task, returns: 1, attempt: 0, count: 1)
        let second = ObjectID.put(task, returns: 1, attempt: 1, count: 1)
        #expect(first != second)
        #expect(first.index == second.index)
        #expect(ObjectID.taskReturn(task, index: 0).task == task)
    }

    @Test("A lease is a counter and the first bytes of its owner")
    func leases() throws {
        let owner = try #require(WorkerID((0..<28).map { UInt8(0x40 + $0) }))
        let lease = LeaseID.number(0x0403_0201, owner: owner)
        #expect(lease.bytes == [1, 2, 3, 4] + owner.bytes[..<24])
    }

    @Test("Raylets and the GCS are peers by their own ids")
    func peers() {
        var generator = SplitMix64(seed: 3)
        let node = NodeID.random(using: &generator)
        #expect(WorkerID(raylet: node).bytes == node.bytes)
        #expect(NodeID(raylet: WorkerID(raylet: node)) == node)
        #expect(WorkerID.gcs.bytes == [UInt8](repeating: 0, count: 28))
    }

    @Test("Order is that of the bytes")
    func order() {
        var generator = SplitMix64(seed: 4)
        let workers = (0..<100).map { _ in WorkerID.random(using: &generator) }
        #expect(workers.sorted() == workers.sorted { $0.bytes.lexicographicallyPrecedes($1.bytes) })
        let tasks = (0..<100).map { _ in TaskID.normalTask(job: job, using: &generator) }
        #expect(tasks.sorted() == tasks.sorted { $0.bytes.lexicographicallyPrecedes($1.bytes) })
    }
}

@Suite("Errors and metadata")
struct ErrorTypeTests {
    @Test("The numbers are Ray's, and stand in the metadata in decimal")
    func numbers() {
        #expect(ErrorType.workerDied.metadata == Array("0".utf8))
        #expect(ErrorType.taskExecution.rawValue == 3)
        #expect(ErrorType.ownerDied.rawValue == 9)
        #expect(ErrorType.outOfMemory.metadata == Array("22".utf8))
        #expect(ErrorType.generatorTaskFailedForObjectReconstruction.rawValue == 26)
    }

    @Test("Metadata of errors is told from that of data")
    func metadata() {
        for type in ErrorType.allCases { #expect(ErrorType(metadata: type.metadata) == type) }
        #expect(ErrorType(metadata: ObjectMetadata.swift) == nil)
        #expect(ErrorType(metadata: ObjectMetadata.raw) == nil)
        #expect(ErrorType(metadata: []) == nil)
        #expect(ErrorType(metadata: Array("-1".utf8)) == nil)
        #expect(ErrorType(metadata: Array("99999".utf8)) == nil)
    }
}
