//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import Logging
internal import RayCore
internal import RayTransport

/// Starts the head's GCS again when it has died: from the raylet of its node, five times a minute at most.
///
///     (up) ──link lost──▶ due ──pause──▶ running ──link──▶ (up)
///                          ▲               │
///                          └─── it ended ──┘
///
/// To be used on the reactor's leading thread.
final class HeadRestarter {
    private static let startsPerMinuteMax = 5
    /// Pause before the first start: whoever stops the cluster ends this process meanwhile.
    private static let pauseMilliseconds = 300

    private let settings: RoleSettings
    private let session: SessionDirectory
    private let launcher: Launcher
    private let logger: Logger
    /// Runs a job on the leading thread.
    private let perform: @Sendable (@escaping @Sendable (HeadRestarter) -> Void) -> Void
    private var isRunning = false
    private var dueAt: Instant?
    /// When it was started, in the last minute.
    private var starts: [Instant] = []

    init(
        _ settings: RoleSettings, session: SessionDirectory, launcher: Launcher, logger: Logger,
        perform: @escaping @Sendable (@escaping @Sendable (HeadRestarter) -> Void) -> Void
    ) {
        self.settings = settings
        self.session = session
        self.launcher = launcher
        self.logger = logger
        self.perform = perform
    }

    /// The link to the GCS is up: nothing is to be done.
    func headIsUp() { dueAt = nil }

    /// The link to the GCS is lost, or it could not be reached.
    func headIsLost(at now: Instant) {
        guard !isRunning, dueAt == nil else { return }
        starts.removeAll { now.milliseconds(since: $0) >= 60_000 }
        if starts.count >= Self.startsPerMinuteMax, let oldest = starts.first {
            logger.error("the head died \(starts.count) times in a minute: it is started again when that is over")
            dueAt = oldest.advanced(milliseconds: 60_000)
        } else {
            dueAt = now.advanced(milliseconds: Self.pauseMilliseconds << starts.count)
        }
    }

    /// Time has passed.
    func tick(_ now: Instant) {
        guard let dueAt, dueAt <= now, !isRunning else { return }
        self.dueAt = nil
        isRunning = true
        starts.append(now)
        logger.warning("the head's gcs_server has died and is started again")
        let perform = perform
        launcher.launch(
            RoleStarter.request(role: "gcs_server", executable: "/proc/self/exe", settings: settings, session: session),
            started: { result in
                perform { $0.started(result) }
            },
            ended: { _, end in
                perform { $0.ended(end) }
            })
    }

    private func started(_ result: Result<Int32, TransportError>) {
        switch result {
        case .success(let processID): session.note(role: "gcs_server", processID: processID)
        case .failure(let error):
            isRunning = false
            logger.error("the head's gcs_server cannot be started: \(error)")
        }
    }

    private func ended(_ end: ProcessEnd) {
        isRunning = false
        logger.warning("the head's gcs_server ended with \(end); see \(session.logs)/gcs_server.err")
    }
}
