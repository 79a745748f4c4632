//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayNode
internal import RayTransport

/// `ray start --block` after the node is ready: watches the processes until they end or a signal asks to end.
package struct BlockingStart {
    private let starter: RoleStarter
    private let session: SessionDirectory

    /// - Parameter starter: What has started the processes, and collects their ends.
    package init(_ starter: RoleStarter, session: SessionDirectory) {
        self.starter = starter
        self.session = session
    }

    /// Returns the exit code for the command.
    package func run() -> Int32 {
        while true {
            if StopSignal.isRaised {
                starter.stop(graceMilliseconds: 10_000)
                session.removeSockets()
                return 0
            }
            switch decision() {
            case .stay: StopSignal.pause(milliseconds: 1000)
            case .finish:
                printLine("All Ray processes have ended.")
                return 0
            case .fail(let lines):
                printError("Some Ray subprocesses exited unexpectedly:")
                for line in lines { printError(line) }
                printError("Their last words are in \(session.logs). Remaining processes will be killed.")
                starter.stop(graceMilliseconds: 0)
                session.removeSockets()
                return 1
            }
        }
    }

    private func decision() -> BlockingDecision {
        let children = starter.all
        let ended = children.compactMap { child in child.ended.map { (child.role, ChildExit($0)) } }
        return BlockingDecision(runningCount: children.count - ended.count, ended: ended)
    }
}
