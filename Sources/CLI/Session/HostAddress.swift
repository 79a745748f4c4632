//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

/// A host and a port, as they are written on command lines.
package struct HostAddress: Hashable, Sendable, CustomStringConvertible {
    /// Name or IP address; an IPv6 address without brackets.
    package var host: String
    package var port: UInt16

    package init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }

    /// Reads `host:port` or `[IPv6]:port`.
    ///
    /// - Throws: `UsageError` that says what the text lacks.
    package init(parsing text: String) throws(UsageError) {
        if text.contains("://") {
            throw UsageError("'\(text)' is no address of a cluster's head; give it as HOST:PORT, e.g. 10.0.0.1:6379")
        }
        guard let colon = text.lastIndex(of: ":"), colon != text.startIndex else {
            throw UsageError("the address '\(text)' has no port; give it as HOST:PORT, e.g. \(text):6379")
        }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            throw UsageError("the IPv6 address in '\(text)' needs brackets: [ADDRESS]:PORT")
        }
        let digits = text[text.index(after: colon)...]
        guard let port = UInt16(digits), port > 0 else {
            throw UsageError("the port '\(digits)' in '\(text)' must be a number from 1 to 65535")
        }
        guard !host.isEmpty, !host.contains(where: \.isWhitespace) else {
            throw UsageError("the address '\(text)' has no host; give it as HOST:PORT")
        }
        self.init(host: String(host), port: port)
    }

    /// Reads what a session's `head_address` holds: `host:port`, where the host may be IPv6 without brackets.
    package init?(line: some StringProtocol) {
        guard let colon = line.lastIndex(of: ":"), colon != line.startIndex,
            let port = UInt16(line[line.index(after: colon)...]), port > 0
        else { return nil }
        self.init(host: String(line[..<colon].filter { $0 != "[" && $0 != "]" }), port: port)
    }

    package var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

    /// Whether only processes of this machine reach it.
    package var isLoopback: Bool { Self.isLoopback(host) }

    /// Whether a host names this machine's loopback.
    package static func isLoopback(_ host: String) -> Bool {
        host == "localhost" || host == "::1" || (host.hasPrefix("127.") && host.split(separator: ".").count == 4)
    }
}
