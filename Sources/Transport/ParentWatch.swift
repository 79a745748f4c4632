//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import CRaySystem
internal import Glibc

/// Ends this process when the one that started it is gone.
///
/// `PR_SET_PDEATHSIG` fires when the *thread* that started a process ends, and is lost across changes of user: it is
/// not relied on. Instead a child inherits the reading end of a pipe (or a socket) whose other end only its parent
/// holds; a plain thread blocks in `read` there. At the end of that stream it leaves, group first, whatever user code
/// is doing at the time: no locks, no `exit` handlers, nothing that user code could hold up.
///
/// A parent that may fork without us knowing (an interpreter) would leave the other end to its children: it gives its
/// id, and the kernel tells of its end.
package enum ParentWatch {
    /// Where a child that was started by `Launcher` finds the descriptor to watch.
    package static let environmentVariable = "RAY_PARENT_DESCRIPTOR"
    /// Where a child that an interpreter started finds the id of the process to watch (`daemons.py`).
    package static let processVariable = "RAY_PARENT_PROCESS"

    /// Starts watching `descriptor`, which belongs to the watch from now on.
    ///
    /// - Parameter beforeLeaving: Last work of this process when its parent is gone; must end by itself.
    /// - Throws: `system` if no thread could be started.
    package static func start(
        descriptor: Int32, beforeLeaving: @escaping @Sendable () -> Void = {}
    ) throws(TransportError) {
        try PlainThread.start("ray.parent") {
            var byte: UInt8 = 0
            // Whatever the parent writes is ignored; only the end counts.
            while ray_read_blocking(descriptor, &byte, 1) > 0 {}
            beforeLeaving()
            leave()
        }
    }

    /// Starts watching the process with this id, any of whose threads may have started this one.
    ///
    /// - Parameter beforeLeaving: Last work of this process when that one is gone; must end by itself.
    /// - Throws: `system` if no thread could be started, or the kernel does not watch that process.
    package static func start(
        process: Int32, beforeLeaving: @escaping @Sendable () -> Void = {}
    ) throws(TransportError) {
        let descriptor = ray_pidfd_open(process)
        guard descriptor >= 0 || descriptor == -ESRCH else {
            throw .system(operation: "watching process \(process)", code: -descriptor)
        }
        try PlainThread.start("ray.parent") {
            var end = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            // It has ended already if there is nothing to watch.
            while descriptor >= 0, poll(&end, 1, -1) < 1 {}
            beforeLeaving()
            leave()
        }
    }

    /// Starts watching what this process's starter put into the environment; false if it put nothing there.
    ///
    /// - Parameter beforeLeaving: Last work of this process when its parent is gone; must end by itself.
    /// - Throws: `system` if no thread could be started.
    package static func startFromEnvironment(
        beforeLeaving: @escaping @Sendable () -> Void = {}
    ) throws(TransportError) -> Bool {
        let inherited = number(takenFrom: environmentVariable)
        if let process = number(takenFrom: processVariable) {
            // The descriptor would be that of a process further up.
            try start(process: process, beforeLeaving: beforeLeaving)
            return true
        }
        guard let descriptor = inherited else { return false }
        // Children of this process must not hold it open.
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        try start(descriptor: descriptor, beforeLeaving: beforeLeaving)
        return true
    }

    /// What a variable says, once: the children of this process have another parent.
    private static func number(takenFrom variable: String) -> Int32? {
        guard let text = getenv(variable), let number = Int32(String(cString: text)) else { return nil }
        unsetenv(variable)
        return number
    }

    /// Ends this process and, if it leads one, its process group.
    package static func leave() -> Never {
        if getpgrp() == getpid() { kill(-getpid(), SIGKILL) }
        _exit(1)
    }

    /// Ends the other processes of the group that this one leads, and this one with exit code 0.
    package static func leaveWithoutFailure() -> Never {
        let group = getpid()
        guard getpgrp() == group else { _exit(0) }
        // Out of the group, so that the signal does not reach this process; without a parent nobody reads its end.
        guard setpgid(0, getpgid(getppid())) == 0 else { leave() }
        kill(-group, SIGKILL)
        _exit(0)
    }
}
