//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import CRaySystem
internal import RayCore
internal import RayGCS
internal import RayWire

/// How a journal lies in its file.
///
///     ┌──────────────────┬─────────┬─────────┬───
///     │ "RAYJRNL1", zeros│ batch 1 │ batch 2 │ …
///     └──────────────────┴─────────┴─────────┴───
///       16 bytes
///
///     batch: magic (4) │ payload bytes (8) │ number (8) │ digest (8) │ payload
///
/// The digest is the beginning of the SHA-256 of number and payload. Numbers count up by one. One batch is one write
/// and one `fdatasync`, so a crash leaves at most the last batch torn.
enum JournalFormat {
    static let header: [UInt8] = Array("RAYJRNL1".utf8) + [UInt8](repeating: 0, count: 8)
    static let batchHeaderBytes = 28
    private static let magic: UInt32 = 0x5941_524a

    /// What a file holds.
    struct Contents {
        var image = JournalImage()
        /// Number of the last batch.
        var number: UInt64 = 0
        /// Where the last whole batch ends; what lies behind it is torn.
        var end = 0
    }

    /// Why a file cannot be used.
    enum Damage: Error, Equatable {
        case notAJournal
        /// A batch in the middle is damaged: at this offset.
        case corrupt(offset: Int)
    }

    /// One batch as it lies in the file.
    static func batch(_ records: [JournalRecord], number: UInt64) -> [UInt8] {
        var payload = WireWriter()
        for record in records {
            payload.write(record.table.rawValue)
            payload.write(record.key)
            payload.write(record.value != nil)
            payload.write(record.value ?? [])
        }
        var writer = WireWriter(capacity: payload.bytes.count + batchHeaderBytes)
        writer.write(magic)
        writer.write(UInt64(payload.bytes.count))
        writer.write(number)
        let digest = payload.bytes.withUnsafeBytes { checksum(number, $0) }
        writer.write(digest)
        return writer.bytes + payload.bytes
    }

    /// Reads a whole file.
    static func read(_ bytes: UnsafeRawBufferPointer) throws(Damage) -> Contents {
        var contents = Contents()
        guard bytes.count >= header.count else {
            // Cut off while it was made: nothing was in it.
            guard header.starts(with: bytes) else { throw .notAJournal }
            return contents
        }
        guard bytes.prefix(header.count).elementsEqual(header) else { throw .notAJournal }
        contents.end = header.count
        while contents.end < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[contents.end...])
            guard let (records, length) = first(of: rest, number: contents.number + 1) else {
                guard !hasBatch(rest, after: contents.number + 1) else { throw .corrupt(offset: contents.end) }
                break
            }
            contents.image.apply(records)
            contents.number += 1
            contents.end += length
        }
        return contents
    }

    /// The batch at the beginning of `bytes`, if it is whole, and its length.
    private static func first(
        of bytes: UnsafeRawBufferPointer, number: UInt64?
    ) -> (records: [JournalRecord], length: Int)? {
        guard bytes.count >= batchHeaderBytes,
            bytes.loadUnaligned(as: UInt32.self).littleEndian == magic
        else { return nil }
        let count = bytes.loadUnaligned(fromByteOffset: 4, as: UInt64.self).littleEndian
        let found = bytes.loadUnaligned(fromByteOffset: 12, as: UInt64.self).littleEndian
        guard count <= UInt64(bytes.count - batchHeaderBytes), number == nil || number == found else { return nil }
        let payload = UnsafeRawBufferPointer(rebasing: bytes[batchHeaderBytes..<batchHeaderBytes + Int(count)])
        guard bytes.loadUnaligned(fromByteOffset: 20, as: UInt64.self).littleEndian == checksum(found, payload),
            let records = records(payload)
        else { return nil }
        return (records, batchHeaderBytes + Int(count))
    }

    /// Whether a whole batch follows somewhere behind a damaged one: then it is not the end that was torn.
    private static func hasBatch(_ bytes: UnsafeRawBufferPointer, after number: UInt64) -> Bool {
        var offset = 1
        while offset + batchHeaderBytes <= bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[offset...])
            let isMarked = rest.loadUnaligned(as: UInt32.self).littleEndian == magic
            if isMarked, rest.loadUnaligned(fromByteOffset: 12, as: UInt64.self).littleEndian > number,
                first(of: rest, number: nil) != nil
            {
                return true
            }
            offset += 1
        }
        return false
    }

    private static func records(_ payload: UnsafeRawBufferPointer) -> [JournalRecord]? {
        var reader = WireReader(payload)
        var records: [JournalRecord] = []
        do throws(WireError) {
            while !reader.isAtEnd {
                guard let table = JournalTable(rawValue: try reader.uint8()) else { return nil }
                let key = try reader.byteArray()
                let hasValue = try reader.bool()
                let value = try reader.byteArray()
                records.append(JournalRecord(table: table, key: key, value: hasValue ? value : nil))
            }
        } catch {
            return nil
        }
        return records
    }

    private static func checksum(_ number: UInt64, _ payload: UnsafeRawBufferPointer) -> UInt64 {
        var state = ray_sha256_state()
        var digest = [UInt8](repeating: 0, count: Int(RAY_SHA256_BYTES))
        ray_sha256_start(&state)
        withUnsafeBytes(of: number.littleEndian) { ray_sha256_add(&state, $0.baseAddress, $0.count) }
        ray_sha256_add(&state, payload.baseAddress, payload.count)
        ray_sha256_finish(&state, &digest)
        return digest.withUnsafeBytes { $0.loadUnaligned(as: UInt64.self).littleEndian }
    }
}
