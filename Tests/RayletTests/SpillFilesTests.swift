//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Glibc
import RayCore
import RayNode
import RayObjectStore
import Synchronization
import Testing

/// What the threads of the files answer.
private final class Answers: Sendable {
    private let inputs = Mutex<[ObjectStoreCore.Input]>([])
    private let pieces = Mutex<[Result<[UInt8], RayError>]>([])

    func add(_ input: ObjectStoreCore.Input) { inputs.withLock { $0.append(input) } }
    func add(_ piece: Result<[UInt8], RayError>) { pieces.withLock { $0.append(piece) } }

    func nextInput() -> ObjectStoreCore.Input { Self.next(inputs) }
    func nextPiece() -> Result<[UInt8], RayError> { Self.next(pieces) }

    private static func next<Value: Sendable>(_ queue: borrowing Mutex<[Value]>) -> Value {
        while true {
            if let value = queue.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) { return value }
            usleep(500)
        }
    }
}

/// A store with room for two objects of 3 MB, of three, and real files.
private struct DiskNode {
    let root = "/tmp/spill-files-\(UInt32.random(in: .min ... .max))"
    let answers = Answers()
    let files: SpillFiles
    let store: ObjectStoreServer

    init(threshold: Double = 1) throws {
        mkdir(root, 0o700)
        let answers = answers
        files = try SpillFiles(directory: root, node: node(0), capacityThreshold: threshold) { answers.add($0) }
        var configuration = ObjectStoreServer.Configuration(capacity: 8 << 20)
        configuration.spilling = SpillPolicy()
        store = try ObjectStoreServer(configuration, nonce: 1)
        for number in UInt64(1)...3 {
            store.create(
                ObjectStoreCore.Creation(
                    token: number, id: object(number), owner: process(1), client: .raylet,
                    layout: ObjectLayout(dataSize: 2_999_995, metadataSize: 5), isPrimary: true,
                    deadline: .distantFuture),
                at: now(number))
            settle(at: now(number))
            store.withUnsealed(object(number)) { $0.copyBytes(from: Self.bytes(number)) }
            store.seal(object(number), by: .raylet, metadataSize: 5, containedSize: 0, at: now(number))
        }
    }

    /// Later than what was brought for a reader is kept.
    func now(_ number: UInt64) -> Instant { Instant.zero.advanced(milliseconds: Int(number) * 1_000) }

    static func bytes(_ number: UInt64) -> [UInt8] {
        (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 ^ ($0 >> 8) ^ Int(number)) }
    }

    /// Performs what the store wants, and what follows from it.
    func settle(at now: Instant) {
        while true {
            let requests = store.takeSpillRequests()
            guard !requests.isEmpty else { return }
            for request in requests {
                files.perform(request)
                switch request {
                case .delete, .discard: continue
                case .write, .read, .reserve: break
                }
                store.receive(answers.nextInput(), at: now)
            }
        }
    }

    func piece(_ object: SpilledObject, _ offset: Int, _ count: Int) -> Result<[UInt8], RayError> {
        let answers = answers
        files.readPiece(object, offset: offset, count: count) { answers.add($0) }
        return answers.nextPiece()
    }

    var paths: [String] {
        var found = glob_t()
        defer { globfree(&found) }
        guard glob(files.folder + "/*", 0, nil, &found) == 0 else { return [] }
        return (0..<Int(found.gl_pathc)).compactMap { index in found.gl_pathv[index].map { String(cString: $0) } }
    }

    func end() {
        files.stop()
        rmdir(root)
    }
}

@Suite("Files of spilled objects")
struct SpillFilesTests {
    @Test("Blocks of the fallback file are refused by a disk that would be too full, and given by another")
    func blocks() throws {
        let root = "/tmp/spill-files-\(UInt32.random(in: .min ... .max))"
        mkdir(root, 0o700)
        defer { rmdir(root) }
        for threshold in [0.0, 1.0] {
            let answers = Answers()
            let files = try SpillFiles(directory: root, node: node(0), capacityThreshold: threshold) { answers.add($0) }
            defer { files.stop() }
            let store = try ObjectStoreServer(
                ObjectStoreServer.Configuration(capacity: 1 << 20), nonce: 1, fallbackFile: FallbackFile(folder: root))
            store.create(
                ObjectStoreCore.Creation(
                    token: 1, id: object(1), owner: process(1), client: StoreClient(index: 0),
                    layout: ObjectLayout(dataSize: 5 << 20), isPrimary: true, deadline: .distantFuture),
                at: .zero)
            for request in store.takeSpillRequests() { files.perform(request) }
            store.receive(answers.nextInput(), at: .zero)
            switch store.takeEvents().first {
            case .created: #expect(threshold == 1)
            case .failed(_, _, let error):
                #expect(threshold == 0 && error.type == .outOfDisk)
                #expect(error.message.contains("local_fs_capacity_threshold is 0 %"), "\(error.message)")
            default: Issue.record("no answer")
            }
        }
    }

    @Test("An object comes back as it was, whole and in pieces across its blocks", .timeLimit(.minutes(1)))
    func roundTrip() throws {
        let node = try DiskNode()
        defer { node.end() }
        let spilled = try #require(node.store.spilled(object(1)))
        #expect(!node.store.contains(object(1)))
        #expect(node.paths.count == 1 && node.paths.allSatisfy { $0.hasSuffix("-multi-1") }, "\(node.paths)")
        let bytes = DiskNode.bytes(1)
        for (offset, count) in [(0, 1 << 20), (1 << 20, 1 << 20), (1_048_570, 20), (2_999_990, 1_000), (7, 2_500_000)] {
            let expected = Array(bytes[offset..<min(offset + count, bytes.count)])
            #expect(try node.piece(spilled, offset, count).get() == expected, "\(count) bytes at \(offset)")
        }
        #expect(try node.piece(spilled, 3_000_000, 10).get().isEmpty)
        node.store.receive(.restore(object(1), deadline: .distantFuture), at: node.now(5))
        node.settle(at: node.now(5))
        #expect(node.store.withObject(object(1)) { found, _ in Array(found) == bytes } == true)
        #expect(node.store.entry(object(1))?.layout == ObjectLayout(dataSize: 2_999_995, metadataSize: 5))
        node.store.checkInvariants()
    }

    @Test("Damage is found in the block that is read, and in the header", .timeLimit(.minutes(1)))
    func damage() throws {
        let node = try DiskNode()
        defer { node.end() }
        let spilled = try #require(node.store.spilled(object(1)))
        let path = try #require(node.paths.first)
        let file = open(path, O_WRONLY)
        pwrite(file, "x", 1, 2_500_000)
        #expect(try node.piece(spilled, 0, 1 << 20).get().count == 1 << 20)
        #expect(throws: RayError.self) { try node.piece(spilled, 2 << 20, 10).get() }
        ftruncate(file, 1_000)
        close(file)
        #expect(throws: RayError.self) { try node.piece(spilled, 0, 10).get() }
        node.store.receive(.restore(object(1), deadline: .distantFuture), at: node.now(5))
        node.settle(at: node.now(5))
        let failures = node.store.takeEvents().compactMap { event -> RayError? in
            if case .restoreFailed(object(1), let error, isLost: true) = event { error } else { nil }
        }
        #expect(failures.map(\.type) == [.objectLost] && failures.first?.message.contains(path) == true)
    }

    @Test("Nothing is written to a disk that is too full, and nothing is left at the end", .timeLimit(.minutes(1)))
    func fullDisk() throws {
        let full = try DiskNode(threshold: 0)
        #expect(full.store.spillTrouble?.contains("local_fs_capacity_threshold") == true)
        #expect(full.paths.isEmpty && full.store.contains(object(1)) && full.store.contains(object(2)))
        full.end()
        let node = try DiskNode()
        node.store.free([object(1)], at: node.now(5))
        node.settle(at: node.now(5))
        for _ in 0..<2_000 where !node.paths.isEmpty { usleep(1_000) }
        #expect(node.paths.isEmpty)
        node.end()
        #expect(access(node.root, F_OK) != 0)
    }
}
