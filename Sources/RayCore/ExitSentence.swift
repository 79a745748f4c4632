//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

/// How a process ended, for people to read.
package struct ExitSentence: Hashable, Sendable {
    private static let signalNames: [Int32: String] = [
        1: "SIGHUP", 2: "SIGINT", 3: "SIGQUIT", 4: "SIGILL", 5: "SIGTRAP", 6: "SIGABRT", 7: "SIGBUS", 8: "SIGFPE",
        9: "SIGKILL", 11: "SIGSEGV", 13: "SIGPIPE", 15: "SIGTERM",
    ]

    /// "ended with exit code 1", "was killed by signal 9 (SIGKILL)".
    package let text: String

    /// The end of a process.
    ///
    /// - Parameters:
    ///   - code: what it ended with, unless a signal killed it.
    ///   - signal: the signal that killed it, or 0.
    package init(code: Int32, signal: Int32) {
        guard signal != 0 else {
            text = "ended with exit code \(code)"
            return
        }
        text = "was killed by signal \(signal)" + (Self.signalNames[signal].map { " (\($0))" } ?? "")
    }
}
