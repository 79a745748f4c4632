//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Glibc
import Ray

/// Indexes the text files under some folders with a cluster: the project's main job on real input.
@main struct WordIndex {
    static func main() async {
        do { try await run() } catch { fail("\(error)", []) }
    }

    private static func run() async throws {
        let options = Options(CommandLine.arguments)
        try await ray.init(address: options.address)
        let start = ContinuousClock.now
        let (batches, unlisted) = listBatches(options.folders, batchBytes: options.batchBytes)
        guard !batches.isEmpty else {
            fail("no files under \(options.folders.joined(separator: ", "))", unlisted)
        }
        var job = IndexJob(batches: batches, showsProgress: options.showsProgress)
        let merged = try await job.run(top: options.top)
        report(job, merged, options, unlisted, start.duration(to: .now))
        await ray.shutdown()
    }

    private static func report(
        _ job: IndexJob, _ merged: Merged, _ options: Options, _ unlisted: [String], _ duration: Duration
    ) {
        let (whole, attoseconds) = duration.components
        let seconds = Double(whole) + Double(attoseconds) / 1e18
        let summaries = job.summaries.values
        let files = summaries.reduce(0) { $0 + $1.files }
        let bytes = summaries.reduce(0) { $0 + $1.bytes }
        let unreadable = unlisted + summaries.flatMap(\.unreadable).sorted()
        for word in merged.top { print("\(word.count) \(word.word)") }
        let rate = Double(bytes) / 1e6 / seconds
        print("---")
        print("files    \(files)")
        print("bytes    \(bytes)")
        print("seconds  \(rounded(seconds))")
        print("MB/s     \(rounded(rate))")
        print("retried  \(job.retried)")
        for (place, count) in merged.places.sorted(by: { $0.key < $1.key }) {
            print("ran on   node \(place): \(count) batches")
        }
        if !unreadable.isEmpty {
            print("skipped  \(unreadable.count) unreadable, first: \(unreadable[0])")
        }
    }

    private static func rounded(_ value: Double) -> Double { (value * 100).rounded() / 100 }

    private static func fail(_ text: String, _ details: [String]) -> Never {
        for line in [text] + details.prefix(5) { writeError("wordindex: \(line)\n") }
        exit(1)
    }
}

/// The command line: `wordindex [--address A] [--top N] [--batch-bytes N] [--quiet] FOLDER…`.
struct Options {
    static let usage = """
        usage: wordindex [--address HOST:PORT|auto] [--top N] [--batch-bytes N] [--quiet] [FOLDER ...]
        Counts the words of the text files under the folders (default: /usr/include /usr/share and the Swift
        toolchain) with tasks on a cluster: one started for this run, or the one at --address.
        """

    var address: String?
    var top = 20
    var batchBytes = 8 << 20
    var showsProgress = true
    var folders: [String] = []

    init(_ arguments: [String]) {
        var rest = arguments.dropFirst()
        while let argument = rest.popFirst() {
            switch argument {
            case "--address": address = rest.popFirst()
            case "--top": top = Self.number(rest.popFirst(), argument)
            case "--batch-bytes": batchBytes = Self.number(rest.popFirst(), argument)
            case "--quiet": showsProgress = false
            case "--help", "-h":
                print(Self.usage)
                exit(0)
            case _ where argument.hasPrefix("-"):
                writeError("wordindex: unknown option \(argument)\n\(Self.usage)\n")
                exit(2)
            default: folders.append(argument)
            }
        }
        if folders.isEmpty { folders = ["/usr/include", "/usr/share"] + Self.toolchain() }
    }

    private static func number(_ text: String?, _ option: String) -> Int {
        guard let value = text.flatMap({ Int($0) }), value > 0 else {
            writeError("wordindex: \(option) wants a number over 0\n")
            exit(2)
        }
        return value
    }

    /// Text files of the Swift toolchain, where there is one.
    private static func toolchain() -> [String] {
        ["/opt/swift/usr/include", "/opt/swift/usr/lib/swift", "/opt/swift/usr/share", "/usr/lib/swift"]
            .filter { access($0, R_OK) == 0 }
    }
}
