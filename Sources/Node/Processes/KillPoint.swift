//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import Glibc
internal import RayWire
internal import Synchronization

/// A place in a running process at which a test has that process killed, as by `kill -9`.
///
/// `RAY_KILL_POINT=ROLE/MESSAGE/MOMENT/COUNT:FILE` kills a process of the role (`driver`, `worker`, `raylet`,
/// `gcs_server`) when it meets a message for the COUNTth time: when it is `received` and nothing has been done about
/// it, when it is `handled`, when it is about to be sent (`sending`) and when it was handed to the link (`sent`). Of
/// all processes that get there the one that creates FILE dies. Messages have the names of `Message`'s cases.
final class KillPoint: Sendable {
    enum Moment: String { case received, handled, sending, sent }

    /// The point of this process; nothing outside of such tests.
    static let current = environment("RAY_KILL_POINT").flatMap {
        KillPoint($0, role: environment("SWIFT_RAY_ROLE") ?? "driver")
    }

    private let message: Substring
    private let moment: Moment
    private let path: String
    private let remaining: Atomic<Int>

    /// Reads the text of the variable; nothing if it is none, or meant for another role.
    init?(_ text: String, role: String) {
        let parts = text.split(separator: ":", maxSplits: 1)
        let words = parts.first?.split(separator: "/") ?? []
        guard parts.count == 2, words.count == 4, words[0] == role, let moment = Moment(rawValue: String(words[2])),
            let count = Int(words[3]), count > 0
        else { return nil }
        message = words[1]
        self.moment = moment
        path = String(parts[1])
        remaining = Atomic(count)
    }

    /// Ends the process if this is its point.
    func pass(_ message: Message, _ moment: Moment) {
        guard moment == self.moment,
            Mirror(reflecting: message).children.first?.label.map({ $0 == self.message }) ?? false,
            remaining.wrappingSubtract(1, ordering: .relaxed).newValue == 0
        else { return }
        let file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard file >= 0 else { return }
        kill(getpid(), SIGKILL)
    }
}
