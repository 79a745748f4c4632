//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import Glibc
internal import RayCore
internal import RayWire

/// What a driver shows its user on the standard streams, with Ray's prefixes.
enum DriverConsole {
    /// A sentence of the runtime itself.
    static func warn(_ text: String) { write("(ray) \(text)\n", to: STDERR_FILENO) }

    /// Lines that a worker printed: `(square pid=123) text`, with the address where it is another machine.
    static func show(_ message: LogLines) {
        let name = message.name.isEmpty ? "worker" : message.name
        let place = message.host.isEmpty || message.host == "127.0.0.1" ? "" : ", ip=\(message.host)"
        let text = message.lines.map { "(\(name) pid=\(message.processID)\(place)) \($0)\n" }.joined()
        write(text, to: message.isError ? STDERR_FILENO : STDOUT_FILENO)
    }

    private static func write(_ text: String, to descriptor: Int32) {
        var text = text
        text.withUTF8 { _ = Glibc.write(descriptor, $0.baseAddress, $0.count) }
    }
}
