//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Testing

@Suite("The repository is tidy")
struct TidyTests {
    private func check(_ rule: (SourceText) -> [Finding]) {
        #expect(Repository.sources.count > 20, "the sources were not found under \(Repository.root)")
        for finding in Repository.sources.flatMap(rule) { Issue.record("\(finding)") }
    }

    @Test("Every source has the header") func headers() { check(Rules.header) }
    @Test("No file is over 600 lines") func fileLengths() { check(Rules.fileLength) }
    @Test("No function is over 72 lines") func functionLengths() { check(Rules.functionLength) }
    @Test("Nothing is used where it does not belong") func bannedWords() { check(Rules.bannedWords) }

    @Test("What other modules see is documented")
    func documentation() {
        let requirements = Repository.sources.reduce(into: Set<Substring>()) { $0.formUnion(Rules.requirements($1)) }
        check { Rules.documentation($0, requirements: requirements) }
    }

    @Test("No type is named as a module")
    func moduleNames() {
        let modules = Set(Repository.manifest.targets.values.filter { !$0.isProgram }.map(\.name))
        check { Rules.moduleNames($0, modules: modules) }
    }

    @Test("Modules import only what lies below them")
    func layers() {
        let manifest = Repository.manifest
        let modules = Set(manifest.targets.keys)
        #expect(modules.contains("RayCore"))
        for target in manifest.targets.values.sorted(by: { $0.name < $1.name }) where !target.isTest {
            if let allowed = Layers.allowed[target.name] {
                let extra = Set(target.targets).subtracting(allowed).sorted()
                #expect(extra.isEmpty, "Package.swift lets \(target.name) depend on \(extra)")
            }
            for source in Repository.sources where source.path.hasPrefix(target.path + "/") {
                for finding in Layers.breaches(of: target.name, in: source, modules: modules) {
                    Issue.record("\(finding)")
                }
            }
        }
    }

    @Test("Product Ray brings few packages of others with it")
    func externalPackages() {
        let extra = Repository.manifest.packages(below: "Ray").subtracting(Layers.packages).sorted()
        #expect(extra.isEmpty, "programs that use Ray would get \(extra)")
    }

    @Test("No file is over 1 MiB")
    func blobs() {
        for path in Repository.files {
            #expect(Repository.byteCount(path) <= 1 << 20, "\(path) is too large to be committed")
        }
    }

    @Test("No file names a path of one machine or a host that only one network has")
    func machinePaths() {
        for location in Repository.manifest.locations {
            #expect(location.hasPrefix("https://github.com/"), "Package.swift takes a package from \(location)")
        }
        // Assembled, so that this file does not hold what it looks for.
        let banned = [
            Repository.root + "/", "/Us" + "ers/", "artifac" + "tory", "--index" + "-url", "GO" + "PROXY",
            "extra-index" + "-url",
        ]
        for path in Repository.files where !path.hasSuffix(".png") {
            guard let text = Repository.text(path) else { continue }
            for word in banned where text.contains(word) { Issue.record("\(path) holds \(word)") }
        }
    }
}
