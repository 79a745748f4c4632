//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Glibc
import Ray

/// Modes with more data than the store holds: 64 MiB, and blocks of 8 MB.
extension TestProgram {
    private static let blockCount = 1_000_000

    static func spilling(_ mode: String, _ folder: String) async throws {
        switch mode {
        case "spill": try await spill(folder)
        case "spill-results": try await spillResults()
        case "spill-full": try await spillFull()
        default: try await spillDamaged(folder)
        }
    }

    private static func block(_ number: Int) -> [Double] {
        var block = [Double](repeating: Double(number), count: blockCount)
        block[number] = -1
        return block
    }

    /// A working set of five times the store is written, read by the driver and by tasks, and let go.
    static func spill(_ folder: String) async throws {
        var references = try (0..<40).map { try ray.put(block($0)) }
        var wrong = 0
        for (number, reference) in references.enumerated() {
            if try await ray.get(reference) != block(number) { wrong += 1 }
        }
        for number in references.indices.reversed() {
            let view = try await ray.view(references[number])
            if view.withSpan({ $0[number] != -1 || $0[number + 1] != Double(number) }) { wrong += 1 }
        }
        say("read back: \(references.count), wrong: \(wrong)")
        let several = try await ray.get(Array(references[10..<25]))
        say("at once: \(zip(several, 10...).allSatisfy { $0 == block($1) })")
        let sums = try await ray.get(references.map { ray.remote(sum)($0) })
        let expected = references.indices.map { Double(blockCount - 1) * Double($0) - 1 }
        say("summed by tasks: \(sums == expected)")
        say("files: \(files(in: folder).isEmpty ? "none" : "some")")
        references = []
        for _ in 0..<100 where !files(in: folder).isEmpty { try await Task.sleep(for: .milliseconds(100)) }
        say("files left: \(files(in: folder).count)")
    }

    /// Results of tasks that do not fit into the store together, taken by tasks.
    static func spillResults() async throws {
        let made = (0..<24).map { _ in ray.remote(numbers)(blockCount) }
        let sums = try await ray.get(made.map { ray.remote(sum)($0) })
        let expected = Double(blockCount) * Double(blockCount - 1) / 2
        say("sums: \(sums.count(where: { $0 == expected }))")
    }

    /// The disk takes nothing: who puts is told, and nobody else notices.
    static func spillFull() async throws {
        var references: [ObjectRef<[Double]>] = []
        do {
            for number in 0..<20 { references.append(try ray.put(block(number))) }
            say("no error")
        } catch let error as ray.SystemError {
            say("SystemError.\(kind(error)): \(error.message)")
        }
        var wrong = 0
        for (number, reference) in references.enumerated() {
            if try await ray.get(reference) != block(number) { wrong += 1 }
        }
        say("read back: \(references.count > 4), wrong: \(wrong)")
        references.removeFirst(2)
        say("after room was made: \(try await ray.get(ray.put(block(3))) == block(3))")
    }

    /// Files are damaged behind the node's back: what was in them is lost, and nothing else.
    static func spillDamaged(_ folder: String) async throws {
        let references = try (0..<12).map { try ray.put(block($0)) }
        let damaged = files(in: folder)
        for path in damaged {
            let file = open(path, O_WRONLY)
            _ = pwrite(file, "damage", 6, 1_000_000)
            close(file)
        }
        say("damaged: \(!damaged.isEmpty)")
        var lost = 0
        var wrong = 0
        var message = ""
        for (number, reference) in references.enumerated() {
            do {
                if try await ray.get(reference) != block(number) { wrong += 1 }
            } catch let error as ray.SystemError {
                lost += kind(error) == "objectReconstructionFailed" ? 1 : 0
                message = error.message
            }
        }
        say("lost: \(lost > 0 && lost < references.count), wrong: \(wrong), named: \(message.contains(folder))")
        say("message: \(message)")
        say("next: \(try await ray.get(ray.put(block(7))) == block(7))")
    }

    private static func files(in folder: String) -> [String] {
        names(in: folder).flatMap { name in
            name.hasPrefix("ray_spilled_objects_")
                ? names(in: "\(folder)/\(name)").map { "\(folder)/\(name)/\($0)" } : []
        }
    }

    private static func names(in folder: String) -> [String] {
        guard let stream = opendir(folder) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names
    }
}
