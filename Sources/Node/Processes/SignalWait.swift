//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import CRaySystem
internal import Glibc

/// Waiting for the signals that ask a server to end, instead of handling them at any point.
///
/// SIGINT is not among them where whoever started this process has blocked it: Ray's Python does so, since what a user
/// types into the terminal reaches all that run in it, and only the program is meant.
enum SignalWait {
    private static let signals: sigset_t = {
        var before = sigset_t()
        pthread_sigmask(SIG_BLOCK, nil, &before)
        var set = sigset_t()
        sigemptyset(&set)
        sigaddset(&set, SIGTERM)
        if sigismember(&before, SIGINT) == 0 { sigaddset(&set, SIGINT) }
        return set
    }()

    /// To be called before other threads start: they inherit it.
    static func block() {
        var set = signals
        pthread_sigmask(SIG_BLOCK, &set, nil)
    }

    /// The name of the signal that came within the time, if one did.
    static func next(milliseconds: Int) -> String? {
        var set = signals
        var pause = timespec(tv_sec: milliseconds / 1000, tv_nsec: milliseconds % 1000 * 1_000_000)
        let signal = sigtimedwait(&set, nil, &pause)
        guard signal > 0 else { return nil }
        return signal == SIGINT ? "SIGINT" : "SIGTERM"
    }
}
