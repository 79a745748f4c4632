//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayTransport

/// How a process ended, in the numbers of a shell.
package struct ChildExit: Hashable, Sendable, CustomStringConvertible {
    /// The exit code, or the signal's number with a minus.
    package var code: Int32

    package init(code: Int32) { self.code = code }

    package init(_ end: ProcessEnd) {
        switch end {
        case .exited(let code): self.code = code
        case .killed(let signal): code = -signal
        }
    }

    /// Whether the process ended as `ray stop` ends it: by itself, or by SIGTERM in any of its spellings.
    package var isExpected: Bool { [0, 15, -15, 143].contains(code) }

    package var description: String {
        code < 0 ? "ended by signal \(-code)" : "exit code=\(code)"
    }
}

/// What `ray start --block` does after a look at its processes.
package enum BlockingDecision: Hashable, Sendable {
    /// All is well, or only expected ends so far.
    case stay
    /// Every process has ended as expected.
    case finish
    /// Some ended in another way: `ray start` kills the rest and reports these lines.
    case fail(lines: [String])

    /// Decides from how many processes run and how the others ended.
    package init(runningCount: Int, ended: [(role: String, exit: ChildExit)]) {
        let unexpected = ended.filter { !$0.exit.isExpected }
        if !unexpected.isEmpty {
            self = .fail(lines: unexpected.map { "  \($0.role) [\($0.exit)]" })
        } else {
            self = runningCount == 0 ? .finish : .stay
        }
    }
}
