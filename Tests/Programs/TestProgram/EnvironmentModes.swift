//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Glibc
import Ray

/// What a worker sees of its environment.
struct Seen: Codable, Sendable, CustomStringConvertible {
    var variables: [String]
    var file: String
    var process: Int

    var description: String { "\(variables.joined(separator: " ")) \(file)" }
}

/// The values of variables, and the first line of a file in the current folder.
@Remote func see(_ names: [String], _ file: String) -> Seen {
    Seen(
        variables: names.map { name in getenv(name).map { String(cString: $0) } ?? "-" },
        file: TestProgram.firstLine(of: file) ?? "none", process: Int(getpid()))
}

/// What the task itself sees, then what a child of it sees that has one more variable.
@Remote func seeWithChild(_ names: [String], _ file: String) async throws -> [Seen] {
    let child = ray.remote(see).options(runtimeEnv: .init(envVars: ["C": "child"]))
    let own = Seen(
        variables: names.map { name in getenv(name).map { String(cString: $0) } ?? "-" },
        file: TestProgram.firstLine(of: file) ?? "none", process: Int(getpid()))
    return [own] + [try await ray.get(child(names, file)), try await ray.get(ray.remote(see)(names, file))]
}

/// Sees what `see` does, in an actor.
@RemoteActor actor Viewer {
    func look(_ names: [String], _ file: String) async throws -> [Seen] {
        try await ray.get([ray.remote(see)(names, file)])
    }
    func folder() -> String { TestProgram.currentFolder() }
}

/// Modes about runtime environments.
extension TestProgram {
    static func firstLine(of path: String) -> String? {
        guard let file = fopen(path, "r") else { return nil }
        defer { fclose(file) }
        var bytes = [CChar](repeating: 0, count: 256)
        guard fgets(&bytes, 256, file) != nil else { return "" }
        return String(decoding: bytes.prefix { $0 > 10 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Makes the folder and a file in it. Workers run this part of the program, too.
    private static func writeOnce(_ folder: String, _ text: String) {
        guard !ray.isWorker else { return }
        mkdir(folder, 0o700)
        writeFile(folder + "/text", text)
    }

    static func currentFolder() -> String {
        var buffer = [CChar](repeating: 0, count: 4096)
        return getcwd(&buffer, buffer.count).map { String(cString: $0) } ?? ""
    }

    /// Variables and folders reach tasks, children and actors; workers are not shared.
    static func environments(_ folder: String) async throws {
        writeOnce(folder, "first")
        let environment = ray.RuntimeEnvironment(envVars: ["A": "job", "B": "job"], workingDir: folder)
        try await begin(environment: environment)
        let names = ["A", "B", "C"]
        for seen in try await ray.get(ray.remote(seeWithChild)(names, "text")) { say("seen: \(seen)") }
        let own = ray.remote(see).options(runtimeEnv: .init(envVars: ["B": "task"]))
        let (one, two) = (try await ray.get(own(names, "text")), try await ray.get(own(names, "text")))
        let plain = try await ray.get(ray.remote(see)(names, "text"))
        say("task: \(one); again: \(one.process == two.process); shared: \(one.process == plain.process)")
        let viewer = ray.remote(Viewer.self).options(runtimeEnv: .init(envVars: ["B": "actor"])).remote()
        say("actor: \(try await ray.get(viewer.look(names, "text")))")
        writeFile(folder + "/text", "second")
        let changed = ray.remote(see).options(runtimeEnv: .init(workingDir: folder))
        say("changed: \(try await ray.get(changed(names, "text")))")
        say("unchanged: \(try await ray.get(ray.remote(see)(names, "text")))")
    }

    /// A folder on every node of the cluster.
    static func environmentNodes(_ folder: String) async throws {
        writeOnce(folder, "everywhere")
        try await begin(environment: ray.RuntimeEnvironment(workingDir: folder))
        var folders: Set<String> = []
        for node in try await ray.nodes().filter(\.isAlive) {
            let strategy = ray.SchedulingStrategy.nodeAffinity(nodeID: node.id, soft: false)
            let seen = try await ray.get(ray.remote(see).options(schedulingStrategy: strategy)([], "text"))
            let viewer = ray.remote(Viewer.self).options(schedulingStrategy: strategy).remote()
            folders.insert(try await ray.get(viewer.folder()))
            say("on a node:\(seen)")
        }
        say("folders: \(folders.count)")
    }

    /// What cannot be set up fails who asked for it, and nobody else.
    static func environmentErrors() async throws {
        try await begin()
        let package = "gcs://_ray_pkg_" + String(repeating: "0", count: 64) + ".zip"
        let lost = ray.remote(square).options(runtimeEnv: .init(workingDir: package))
        let references = (0..<3).map { lost($0) }
        for reference in references { try await describeError { _ = try await ray.get(reference) } }
        try await describeError {
            let wrong = ray.remote(square).options(runtimeEnv: .init(executable: "/bin/ls"))
            _ = try await ray.get(wrong(1))
        }
        let actor = ray.remote(Counter.self).options(runtimeEnv: .init(workingDir: package)).remote(start: 0)
        try await describeError { _ = try await ray.get(actor.increment()) }
        say("next: \(try await ray.get(ray.remote(square)(3)))")
        await ray.shutdown()
        try await describeError { try await ray.init(numCPUs: 1, runtimeEnv: .init(workingDir: "/nonexistent")) }
    }

    /// Another executable runs the tasks that ask for it.
    static func environmentExecutable(_ path: String) async throws {
        try await begin()
        let program = ray.remote(programName).options(runtimeEnv: .init(executable: path))
        say("program: \(try await ray.get(program()))")
        say("own: \(try await ray.get(ray.remote(programName)()))")
    }
}

/// The name under which this process was started.
@Remote func programName() -> String {
    CommandLine.arguments[0].split(separator: "/").last.map(String.init) ?? ""
}
