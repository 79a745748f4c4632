//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import CRaySystem
internal import Glibc
internal import RayCore
internal import RayWire

/// What one worker prints: kept in files, passed on line by line, its last lines remembered.
///
/// Touched by the `DescriptorWatch`'s thread only.
final class WorkerOutput {
    /// Longest line that is passed on, in bytes; the rest is in the file.
    static let lineBytesMax = 8 << 10
    /// Most bytes that are passed on in one second and stream; the rest is in the file.
    static let bytesPerSecondMax = 256 << 10
    private static let readsPerTurnMax = 16
    /// How long the beginning of a line waits for its end before it is passed on by itself.
    private static let partialMilliseconds = 200

    private struct Stream {
        /// Nothing after the end of the stream: the number may mean another file then.
        var descriptor: Int32?
        var file: Int32
        var isError: Bool
        var partial: [UInt8] = []
        /// Whether the partial line is looked at again.
        var isAwaited = false
        var second: UInt64 = 0
        var passedBytes = 0
        var droppedLines = 0
    }

    private var streams: [Stream] = []
    private var lastLines = LastLines()
    private let pass: (_ isError: Bool, [String]) -> Void
    private let later: (_ milliseconds: Int, @escaping () -> Void) -> Void

    /// - Parameters:
    ///   - descriptors: Reading ends of the pipes of standard output and standard error.
    ///   - logs: Paths of the files for them.
    ///   - later: Runs something after so many milliseconds, on the same thread.
    ///   - pass: Told the lines of one turn: whole ones, and beginnings that were not ended in time.
    init(
        descriptors: [Int32], logs: [String], later: @escaping (_ milliseconds: Int, @escaping () -> Void) -> Void,
        pass: @escaping (_ isError: Bool, [String]) -> Void
    ) {
        self.later = later
        self.pass = pass
        for (index, descriptor) in descriptors.enumerated() {
            _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
            streams.append(Stream(descriptor: descriptor, file: ray_open_log(logs[index]), isError: index == 1))
        }
    }

    /// Descriptors whose end was not read.
    var openDescriptors: [Int32] { streams.compactMap(\.descriptor) }

    deinit { for stream in streams where stream.file >= 0 { close(stream.file) } }

    /// Reads what is there; false at the end of the stream.
    func read(stream index: Int) -> Bool {
        guard let descriptor = streams[index].descriptor else { return false }
        var lines: [String] = []
        var isOpen = true
        withUnsafeTemporaryAllocation(byteCount: 64 << 10, alignment: 8) { buffer in
            for _ in 0..<Self.readsPerTurnMax {
                let count = ray_read_blocking(descriptor, buffer.baseAddress, buffer.count)
                guard count > 0 else {
                    isOpen = count == -EAGAIN
                    break
                }
                let bytes = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer)[..<count])
                keep(bytes, stream: index)
                split(bytes, stream: index, into: &lines)
            }
        }
        if !isOpen {
            streams[index].descriptor = nil
            if !streams[index].partial.isEmpty { endLine(stream: index, into: &lines) }
        }
        if !lines.isEmpty { pass(streams[index].isError, lines) }
        if isOpen, !streams[index].partial.isEmpty { awaitEnd(stream: index) }
        return isOpen
    }

    /// A prompt, or a bar that shows progress, may have no end for long.
    private func awaitEnd(stream index: Int) {
        guard !streams[index].isAwaited else { return }
        streams[index].isAwaited = true
        later(Self.partialMilliseconds) { [weak self] in
            guard let self else { return }
            streams[index].isAwaited = false
            guard !streams[index].partial.isEmpty else { return }
            var lines: [String] = []
            endLine(stream: index, into: &lines)
            if !lines.isEmpty { pass(streams[index].isError, lines) }
        }
    }

    /// Reads what is there of all streams.
    func readAll() { for index in streams.indices { _ = read(stream: index) } }

    /// Reads what is left of all streams; the last lines.
    func finish() -> [String] {
        for index in streams.indices {
            _ = read(stream: index)
            var lines: [String] = []
            if !streams[index].partial.isEmpty { endLine(stream: index, into: &lines) }
            if !lines.isEmpty { pass(streams[index].isError, lines) }
        }
        return lastLines.lines
    }

    private func keep(_ bytes: UnsafeRawBufferPointer, stream index: Int) {
        guard streams[index].file >= 0 else { return }
        var rest = bytes
        while !rest.isEmpty {
            let count = write(streams[index].file, rest.baseAddress, rest.count)
            if count < 0, errno == EINTR { continue }
            // A full disk must not stop the worker: the lines are still passed on.
            guard count > 0 else { return }
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
    }

    private func split(_ bytes: UnsafeRawBufferPointer, stream index: Int, into lines: inout [String]) {
        for part in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).enumerated() {
            if part.offset > 0 { endLine(stream: index, into: &lines) }
            let room = Self.lineBytesMax - streams[index].partial.count
            streams[index].partial.append(contentsOf: part.element.prefix(max(0, room)))
        }
    }

    private func endLine(stream index: Int, into lines: inout [String]) {
        let line = String(decoding: streams[index].partial, as: UTF8.self)
        streams[index].partial.removeAll(keepingCapacity: true)
        lastLines.append(line)
        let second = ray_monotonic_nanoseconds() / 1_000_000_000
        if second != streams[index].second {
            streams[index].second = second
            streams[index].passedBytes = 0
            if streams[index].droppedLines > 0 {
                lines.append("(\(streams[index].droppedLines) lines were not passed on; they are in the worker's log)")
                streams[index].droppedLines = 0
            }
        }
        streams[index].passedBytes += line.utf8.count + 1
        if streams[index].passedBytes <= Self.bytesPerSecondMax {
            lines.append(line)
        } else {
            streams[index].droppedLines += 1
        }
    }
}
