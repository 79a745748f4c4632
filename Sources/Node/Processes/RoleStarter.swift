//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import CRaySystem
internal import Glibc
package import RayCore
package import RayTransport
internal import Synchronization

/// Starts role processes of this program and waits until each is ready.
package final class RoleStarter: Sendable {
    /// A role process that runs, or ran.
    package final class Child: Sendable {
        package let role: String
        package let processID: Int32
        private let end = Mutex<ProcessEnd?>(nil)

        init(role: String, processID: Int32) {
            self.role = role
            self.processID = processID
        }

        /// How it ended; nothing while it runs.
        package var ended: ProcessEnd? { end.withLock { $0 } }

        func finish(_ how: ProcessEnd) { end.withLock { $0 = how } }
    }

    private static let readyMilliseconds = 15_000

    private let launcher: Launcher
    private let ends = Mutex<[Int32: ProcessEnd]>([:])
    private let children = Mutex<[Child]>([])

    /// - Parameter reapsOrphans: for process 1 of a container.
    package init(reapsOrphans: Bool = false) throws(RayError) {
        do throws(TransportError) {
            launcher = try Launcher(reapsOrphans: reapsOrphans)
        } catch {
            throw RayError(.systemError, "\(error)")
        }
    }

    /// The processes started, in order.
    package var all: [Child] { children.withLock { $0 } }

    /// Starts a role and waits until it says that it is ready; what it says, as settings.
    ///
    /// - Throws: `systemError` with the role's own reason, or with the end of its error log.
    package func start(
        role: String, executable: String, settings: RoleSettings, session: SessionDirectory, endsWithParent: Bool
    ) throws(RayError) -> RoleSettings {
        var pipe: [Int32] = [-1, -1]
        guard ray_pipe_create(&pipe) >= 0 else {
            throw RayError(.systemError, "no pipe can be made: \(TransportError.text(errno))")
        }
        defer { close(pipe[0]) }
        let readyDescriptor: Int32 = 3
        let errorLog = session.logs + "/\(role).err"
        var request = Self.request(role: role, executable: executable, settings: settings, session: session)
        request.environment.append("\(RoleSettings.readyVariable)=\(readyDescriptor)")
        request.descriptors = [(source: pipe[1], target: readyDescriptor)]
        request.isWatchingParent = endsWithParent
        let child = try launch(request, role: role)
        close(pipe[1])
        session.note(role: role, processID: child.processID)
        guard let line = Self.readLine(pipe[0], milliseconds: Self.readyMilliseconds) else {
            let isAlive = child.ended == nil
            launcher.signalGroup(of: child.processID, SIGKILL)
            let log = (readFile(errorLog) ?? "").split(separator: "\n").suffix(5).joined(separator: "\n")
            throw RayError(
                .systemError,
                (isAlive ? "\(role) was not ready within \(Self.readyMilliseconds / 1000) s" : "\(role) ended at once")
                    + (log.isEmpty ? "" : ":\n\(log)") + "\nsee \(errorLog)")
        }
        guard line.hasPrefix("ready") else {
            throw RayError(.systemError, line.hasPrefix("error ") ? String(line.dropFirst(6)) : line)
        }
        return RoleSettings(text: line.dropFirst(5).split(separator: " ").joined(separator: "\n"))
    }

    /// Ends all processes, last started first: SIGTERM, and after the grace period SIGKILL to their groups.
    package func stop(graceMilliseconds: Int = 3_000) {
        let running = all.reversed().filter { $0.ended == nil }
        for child in running {
            _ = kill(child.processID, SIGTERM)
            if !wait(for: child, milliseconds: graceMilliseconds) {
                launcher.signalGroup(of: child.processID, SIGKILL)
                _ = wait(for: child, milliseconds: 1_000)
            }
        }
        launcher.stop()
    }

    private func wait(for child: Child, milliseconds: Int) -> Bool {
        for _ in 0..<(milliseconds / 5) {
            if child.ended != nil { return true }
            usleep(5_000)
        }
        return child.ended != nil
    }

    private func launch(_ request: LaunchRequest, role: String) throws(RayError) -> Child {
        let box = OutcomeBox()
        launcher.launch(
            request,
            started: { result in
                box.set(result.map { Child(role: role, processID: $0) })
            },
            ended: { [weak self] processID, end in
                self?.all.first { $0.processID == processID }?.finish(end)
                self?.ends.withLock { $0[processID] = end }
            })
        while true {
            if let result = box.get() {
                switch result {
                case .success(let child):
                    children.withLock { $0.append(child) }
                    if let end = ends.withLock({ $0[child.processID] }) { child.finish(end) }
                    return child
                case .failure(let error): throw RayError(.systemError, "\(role) cannot be started: \(error)")
                }
            }
            usleep(200)
        }
    }

    /// What starts a role, which says nowhere that it is ready.
    static func request(
        role: String, executable: String, settings: RoleSettings, session: SessionDirectory
    ) -> LaunchRequest {
        LaunchRequest(
            path: executable, arguments: [role], environment: environment(role, settings),
            standardOutput: .file(session.logs + "/\(role).out"), standardError: .file(session.logs + "/\(role).err"))
    }

    private static func environment(_ role: String, _ settings: RoleSettings) -> [String] {
        let hidden = [RoleSettings.roleVariable, RoleSettings.settingsVariable, RoleSettings.readyVariable]
        return processEnvironment().filter { item in !hidden.contains { item.hasPrefix($0 + "=") } } + [
            "\(RoleSettings.roleVariable)=\(role)", "\(RoleSettings.settingsVariable)=\(settings.text)",
        ]
    }

    /// Reads up to the first line end; nothing at the end of the pipe or of the time.
    private static func readLine(_ descriptor: Int32, milliseconds: Int) -> String? {
        var bytes: [UInt8] = []
        var byte: UInt8 = 0
        var left = milliseconds
        while left > 0 {
            var wanted = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            let count = poll(&wanted, 1, 10)
            if count == 0 { left -= 10 }
            guard count > 0 else { continue }
            guard read(descriptor, &byte, 1) == 1 else { return nil }
            if byte == UInt8(ascii: "\n") { return String(decoding: bytes, as: UTF8.self) }
            bytes.append(byte)
        }
        return nil
    }
}

/// Hands one outcome from the launcher's thread to the starter's.
private final class OutcomeBox: Sendable {
    private let outcome = Mutex<Result<RoleStarter.Child, TransportError>?>(nil)

    func set(_ result: Result<RoleStarter.Child, TransportError>) { outcome.withLock { $0 = result } }
    func get() -> Result<RoleStarter.Child, TransportError>? { outcome.withLock { $0 } }
}
