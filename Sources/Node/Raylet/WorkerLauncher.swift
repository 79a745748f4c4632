//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import CRaySystem
internal import Glibc
internal import RayCore
internal import RayRaylet
internal import RayTransport
internal import RayWire

/// Starts worker processes with pipes for what they print, and tells of their ends.
///
/// Unchecked: everything that changes is touched by the `DescriptorWatch`'s thread only.
final class WorkerLauncher: @unchecked Sendable {
    /// What the raylet hears, on an arbitrary thread.
    enum Event: Sendable {
        case spawned(startToken: UInt64, processID: Int32)
        case failed(startToken: UInt64, reason: String)
        case exited(processID: Int32, ProcessExit)
        case printed(LogLines)
    }

    private let launcher: Launcher
    private let watch: DescriptorWatch
    private let logs: String
    private let host: String
    private let standing: WorkerStanding
    private let tell: @Sendable (Event) -> Void
    private var running: [Int32: (job: JobID, lines: WorkerOutput)] = [:]

    /// Starts by `launcher`, reads on `watch`, writes into the folder `logs`, and tells `tell`.
    init(
        launcher: Launcher, watch: DescriptorWatch, logs: String, host: String, standing: WorkerStanding,
        tell: @escaping @Sendable (Event) -> Void
    ) {
        self.launcher = launcher
        self.watch = watch
        self.logs = logs
        self.host = host
        self.standing = standing
        self.tell = tell
    }

    /// Starts a worker with this whole environment; any thread.
    func start(_ start: WorkerStart, environment: [String]) {
        var output: [Int32] = [-1, -1]
        var error: [Int32] = [-1, -1]
        guard ray_pipe_create(&output) >= 0, ray_pipe_create(&error) >= 0 else {
            for descriptor in output where descriptor >= 0 { ray_close(descriptor) }
            return tell(.failed(startToken: start.startToken, reason: Self.noPipe))
        }
        var request = Self.request(start, environment)
        request.standardOutput = .descriptor(output[1])
        request.standardError = .descriptor(error[1])
        let reading = [output[0], error[0]]
        let writing = [output[1], error[1]]
        launcher.launch(request) { result in
            for descriptor in writing { ray_close(descriptor) }
            switch result {
            case .success(let processID):
                self.standing.apply(to: processID)
                self.watch.perform { self.follow(start, processID, reading) }
                self.tell(.spawned(startToken: start.startToken, processID: processID))
            case .failure(let failure):
                for descriptor in reading { ray_close(descriptor) }
                self.tell(.failed(startToken: start.startToken, reason: failure.description))
            }
        } ended: { processID, end in
            // Children that it left behind go with it.
            self.launcher.signalGroup(of: processID, SIGKILL)
            self.watch.perform { self.finish(processID, end) }
        }
    }

    /// Loads the program of a worker that is to be expected; any thread.
    func load(_ start: WorkerStart, environment: [String]) { launcher.load(Self.request(start, environment)) }

    /// Passes on what workers of a job have printed so far, and then a batch without lines; any thread.
    func flush(_ job: JobID) {
        watch.perform {
            for (_, output) in self.running.sorted(by: { $0.key < $1.key }) where output.job == job {
                output.lines.readAll()
            }
            self.tell(
                .printed(LogLines(job: job, host: self.host, processID: 0, name: "", isError: false, lines: [])))
        }
    }

    private static func request(_ start: WorkerStart, _ environment: [String]) -> LaunchRequest {
        let folder = start.program.workingDirectory
        var request = LaunchRequest(
            path: start.path, arguments: [start.program.path] + start.program.arguments, environment: environment,
            // On another machine the driver's folder may not exist; then the raylet's own is used.
            directory: start.folder ?? (!folder.isEmpty && access(folder, X_OK) == 0 ? folder : nil),
            isWatchingParent: true)
        request.memoryNode = start.memoryNode
        request.forking = forking(of: start)
        return request
    }

    /// The program's word that it can be loaded once and forked for each worker.
    private static let forkingVariable = "SWIFT_RAY_FORKING=1"

    /// What workers have in common that may be forked from one process. A runtime environment, and a memory node, are for
    /// a program that begins with them.
    private static func forking(of start: WorkerStart) -> LaunchRequest.Forking? {
        let program = start.program
        guard program.environment.contains(forkingVariable), start.variables.isEmpty, start.folder == nil,
            start.memoryNode == nil
        else { return nil }
        return LaunchRequest.Forking(
            key: [start.path, program.workingDirectory] + program.arguments + program.environment,
            ownVariables: ["SWIFT_RAY_START_TOKEN", "SWIFT_RAY_JOB_ID"])
    }

    private static let noPipe = "this process has too many open files; raise its limit (ulimit -n)"

    private func follow(_ start: WorkerStart, _ processID: Int32, _ descriptors: [Int32]) {
        let name = "\(logs)/worker-\(start.startToken)-\(start.job.value)-\(processID)"
        let (job, host, tell, watch) = (start.job, host, tell, watch)
        let program = start.program.path.split(separator: "/").last.map(String.init) ?? start.program.path
        let output = WorkerOutput(
            descriptors: descriptors, logs: [name + ".out", name + ".err"],
            later: { watch.after(milliseconds: $0, $1) },
            pass: { isError, lines in
                tell(
                    .printed(
                        LogLines(
                            job: job, host: host, processID: processID, name: program, isError: isError, lines: lines)))
            })
        running[processID] = (job, output)
        for (index, descriptor) in descriptors.enumerated() {
            watch.add(descriptor) { [weak output] in output?.read(stream: index) ?? false }
        }
    }

    private func finish(_ processID: Int32, _ end: ProcessEnd) {
        let output = running.removeValue(forKey: processID)?.lines
        let lines = output?.finish() ?? []
        for descriptor in output?.openDescriptors ?? [] { watch.remove(descriptor) }
        let exit =
            switch end {
            case .exited(let code): ProcessExit(code: code, lastLines: lines)
            case .killed(let signal): ProcessExit(signal: signal, lastLines: lines)
            }
        tell(.exited(processID: processID, exit))
    }
}
