//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import Glibc
internal import RayCore
internal import RayWire
internal import Synchronization

/// What a driver shows its user on the standard streams, with Ray's prefixes.
enum DriverConsole {
    /// A sentence of the runtime itself.
    static func warn(_ text: String) { write("(ray) \(text)\n", to: STDERR_FILENO) }

    /// Lines that a worker printed: `(square pid=123) text`, with the address where it is another machine.
    static func show(_ message: LogLines) {
        let source = Source(processID: message.processID, host: message.host, isError: message.isError)
        let place = message.host.isEmpty || message.host == "127.0.0.1" ? "" : ", ip=\(message.host)"
        var text = ""
        for line in message.lines {
            if let name = announced(line) {
                names.withLock { names in
                    if names.count >= namesMax { names = [:] }
                    names[source] = name
                }
                continue
            }
            let usual = message.name.isEmpty ? "worker" : message.name
            let name = names.withLock { $0[source] } ?? usual
            text += "(\(name) pid=\(message.processID)\(place)) \(line)\n"
        }
        write(text, to: message.isError ? STDERR_FILENO : STDOUT_FILENO)
    }

    private struct Source: Hashable {
        var processID: Int32
        var host: String
        var isError: Bool
    }

    private static let namesMax = 10_000
    /// What workers in Python said that their output is from.
    private static let names = Mutex<[Source: String]>([:])

    /// The task or actor whose output follows, as Ray's Python says it in a line of its own.
    private static func announced(_ line: String) -> String? {
        for prefix in [":task_name:", ":actor_name:"] where line.hasPrefix(prefix) {
            return String(line.dropFirst(prefix.count))
        }
        return nil
    }

    private static func write(_ text: String, to descriptor: Int32) {
        var text = text
        text.withUTF8 { _ = Glibc.write(descriptor, $0.baseAddress, $0.count) }
    }
}
