//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import Glibc
internal import Synchronization

/// Whether SIGTERM or SIGINT has come, for a command that stays in the foreground.
package enum StopSignal {
    private static let hasCome = Atomic<Bool>(false)

    /// From now on both signals are noted instead of ending the process, also as process 1 of a container.
    ///
    /// A handler, unlike a blocked signal, is not passed on to the programs that this process starts.
    package static func watch() {
        hasCome.store(false, ordering: .relaxed)
        var action = sigaction()
        action.__sigaction_handler.sa_handler = { _ in StopSignal.hasCome.store(true, ordering: .relaxed) }
        // Whoever started this process may have blocked them, as the threads of some runtimes do.
        var signals = sigset_t()
        sigemptyset(&signals)
        for number in [SIGTERM, SIGINT] {
            sigaction(number, &action, nil)
            sigaddset(&signals, number)
        }
        pthread_sigmask(SIG_UNBLOCK, &signals, nil)
    }

    /// Whether one of them has come since `watch()`.
    package static var isRaised: Bool { hasCome.load(ordering: .relaxed) }

    /// Waits so many milliseconds, or until a signal comes.
    package static func pause(milliseconds: Int) { _ = poll(nil, 0, Int32(clamping: milliseconds)) }
}
