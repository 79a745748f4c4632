//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import CRaySystem
internal import Glibc

/// A process that has loaded a program once, and from which others are forked: importing Ray takes an interpreter half a
/// second, a fork some milliseconds.
///
///     starting ──4 bytes──▶ ready ──▶ (gone: the end of its socket, or no answer in time)
///
///     launcher                                   zygote                               forked process
///     length, folder and variables,   ───────▶   forks twice, so that it becomes
///     output, errors, gate                       this process's child   ──────────▶   waits at the gate
///             ◀─────── process id ────────────
///     one byte through the gate   ────────────────────────────────────────────────▶   goes on; without it, ends
///
/// Only the launcher's thread uses it.
final class Zygote {
    /// What waits until it is ready.
    struct Waiting {
        var request: LaunchRequest
        var answer: (Result<Int32, TransportError>) -> Void
    }

    /// The variable by which a program learns that it is to be one: the number of its socket.
    static let environmentVariable = "RAY_FORK_DESCRIPTOR"
    /// Tokens of sockets of zygotes are from here on; those below are process ids.
    static let firstToken: UInt64 = 1 << 32
    /// How long it may load.
    static let loadNanoseconds: UInt64 = 60_000_000_000
    /// How long an answer is waited for.
    private static let answerMilliseconds: Int32 = 5_000

    let key: [String]
    let process: Int32
    let socket: Int32
    let since = ray_monotonic_nanoseconds()
    var lastUse = ray_monotonic_nanoseconds()
    var isReady = false
    /// Whether the process is gone, and its id perhaps somebody else's.
    var hasEnded = false
    var waiting: [Waiting] = []

    /// A process that was started with the other end of `socket`, which belongs to this object.
    init(key: [String], process: Int32, socket: Int32) {
        self.key = key
        self.process = process
        self.socket = socket
        ray_socket_limit(socket, Self.answerMilliseconds)
    }

    deinit { ray_close(socket) }

    /// What its socket is known by.
    var token: UInt64 { Self.firstToken + UInt64(UInt32(bitPattern: socket)) }

    /// Reads the number that it sent; nothing if there is none in time.
    func read() -> Int32? {
        var number: Int32 = 0
        let count = withUnsafeMutableBytes(of: &number) { ray_read_blocking(socket, $0.baseAddress, $0.count) }
        return count == MemoryLayout<Int32>.size ? Int32(littleEndian: number) : nil
    }

    /// Has a process forked; nothing if the zygote is of no more use.
    func fork(_ request: LaunchRequest, output: Int32, error: Int32) -> Result<Int32, TransportError>? {
        var gate: [Int32] = [-1, -1]
        let status = ray_pipe_create(&gate)
        guard status >= 0 else { return .failure(.system(operation: "opening a pipe", code: -status)) }
        defer { for descriptor in gate { ray_close(descriptor) } }
        var body: [UInt8] = Array((request.directory ?? "").utf8)
        for variable in request.environment { body += [0] + Array(variable.utf8) }
        let length = withUnsafeBytes(of: UInt32(body.count).littleEndian) { Array($0) }
        let message = length + body
        guard ray_send_descriptors(socket, message, message.count, [output, error, gate[0]], 3) == 0,
            let process = read()
        else { return nil }
        lastUse = ray_monotonic_nanoseconds()
        guard process > 1 else { return .failure(.system(operation: "forking \(request.path)", code: -process)) }
        var pass: UInt8 = 1
        return write(gate[1], &pass, 1) == 1
            ? .success(process) : .failure(.system(operation: "starting \(request.path)", code: errno))
    }
}
