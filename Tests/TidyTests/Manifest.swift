//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

/// The targets of `Package.swift`, read from its text.
struct Manifest {
    /// A target and what it may use.
    struct Target {
        var name: String
        var path: String
        /// Targets of this package.
        var targets: [String] = []
        /// Products of other packages.
        var products: [(name: String, package: String)] = []
        var isTest = false
        /// Whether it is an executable, which nobody imports.
        var isProgram = false
    }

    private(set) var targets: [String: Target] = [:]
    /// Where packages come from.
    private(set) var locations: [String] = []

    init(text: String) {
        let source = text.split(separator: "\n").filter { !$0.drop { $0 == " " }.hasPrefix("//") }
            .joined(separator: "\n")
        let constants = Self.constants(source)
        for kind in [".target(", ".executableTarget(", ".macro(", ".testTarget("] {
            for body in Self.bodies(source, of: kind) {
                guard var target = Self.target(body, isTest: kind == ".testTarget(", constants) else { continue }
                target.isProgram = kind == ".executableTarget("
                // A dependency may be written as a call too; it says less than the target itself.
                let isReference = target.targets.isEmpty && target.products.isEmpty && targets[target.name] != nil
                if !isReference { targets[target.name] = target }
            }
        }
        locations = Self.bodies(source, of: ".package(").compactMap { Self.value($0, of: "url") }
    }

    /// The text between the parentheses of each call of `kind`; a call without a name refers to another target.
    private static func bodies(_ source: String, of kind: String) -> [Substring] {
        source.ranges(of: kind).map { range in
            var depth = 1
            var end = range.upperBound
            while end < source.endIndex, depth > 0 {
                if source[end] == "(" { depth += 1 }
                if source[end] == ")" { depth -= 1 }
                end = source.index(after: end)
            }
            return source[range.upperBound..<end]
        }
    }

    /// Products that the manifest has given a name: `let name = Target.Dependency.product(…)`.
    private static func constants(_ source: String) -> [Substring: Substring] {
        var constants: [Substring: Substring] = [:]
        for line in source.split(separator: "\n") where line.hasPrefix("let ") && line.contains(".product(") {
            guard let call = line.firstRange(of: ".product(") else { continue }
            let name = line.dropFirst(4).prefix { $0 != " " && $0 != ":" }
            constants[name] = line[call.lowerBound...]
        }
        return constants
    }

    private static func target(
        _ body: Substring, isTest: Bool, _ constants: [Substring: Substring]
    ) -> Target? {
        guard let name = value(body, of: "name") else { return nil }
        let folder = isTest ? "Tests/" : "Sources/"
        var target = Target(name: name, path: value(body, of: "path") ?? folder + name, isTest: isTest)
        guard let list = body.firstRange(of: "dependencies: [") else { return target }
        var rest = body[list.upperBound...]
        var depth = 1
        let end = rest.firstIndex { character in
            if character == "[" { depth += 1 }
            if character == "]" { depth -= 1 }
            return depth == 0
        }
        rest = rest[..<(end ?? rest.endIndex)]
        while let product = rest.firstRange(of: ".product(") {
            let call = rest[product.upperBound...].prefix { $0 != ")" }
            if let name = value(call, of: "name"), let package = value(call, of: "package") {
                target.products.append((name, package))
            }
            rest = rest[..<product.lowerBound] + rest[call.endIndex...]
        }
        for word in rest.split(whereSeparator: { ", \n".contains($0) }) {
            guard let call = constants[word], let name = value(call, of: "name"),
                let package = value(call, of: "package")
            else { continue }
            target.products.append((name, package))
        }
        target.targets = rest.split(separator: "\"", omittingEmptySubsequences: false).enumerated().filter {
            $0.offset % 2 == 1
        }
        .map { String($0.element) }
        return target
    }

    private static func value(_ text: Substring, of label: String) -> String? {
        guard let range = text.firstRange(of: label + ": \"") else { return nil }
        return String(text[range.upperBound...].prefix { $0 != "\"" })
    }

    /// The packages that the products used by `name`, and by all targets below it, come from.
    func packages(below name: String) -> Set<String> {
        var packages: Set<String> = []
        var seen: Set<String> = []
        var queue = [name]
        while let next = queue.popLast() {
            guard seen.insert(next).inserted, let target = targets[next] else { continue }
            packages.formUnion(target.products.map(\.package))
            queue += target.targets
        }
        return packages
    }
}

/// Which module may use which: lower ones never know of higher ones, and roles never of each other.
enum Layers {
    private static let roles = ["RayScheduler", "RayObjectStore", "RayGCS", "RayRaylet", "RayWorker"]

    /// Targets of this package that each target may use; a target that is not named here may use all.
    static let allowed: [String: Set<String>] = [
        "CRaySystem": [],
        "RaySystem": ["CRaySystem"],
        "RayGRPC": ["CRayGRPC", "RaySystem"],
        "RayCore": [],
        "RayWire": ["RayCore"],
        "RayScheduler": ["RayCore"],
        "RayObjectStore": ["RayCore", "RayWire", "CRaySystem"],
        "RayGCS": ["RayCore", "RayWire", "RayScheduler"],
        "RayRaylet": ["RayCore", "RayWire", "RayScheduler", "RayObjectStore"],
        "RayWorker": ["RayCore", "RayWire", "RayObjectStore"],
        "RayTransport": ["RayCore", "RayWire", "CRaySystem"],
        "RayStorage": ["RayCore", "RayWire", "RayGCS", "RayTransport", "CRaySystem"],
        "RayMacros": [],
        "RayNode": Set(roles + ["RayCore", "RayWire", "RayTransport", "RayStorage", "RaySystem", "CRaySystem"]),
        "Ray": Set(
            roles + [
                "RayCore", "RayWire", "RayTransport", "RayNode", "RayMacros", "RaySystem", "CRaySystem",
            ]),
        "RaySimulation": Set(roles + ["RayCore", "RayWire"]),
    ]

    /// Packages that programs of users may get with product `Ray`.
    static let packages: Set = ["swift-log", "swift-collections", "swift-syntax"]

    /// What a module's files import from this package though its layer does not allow it.
    static func breaches(of target: String, in source: SourceText, modules: Set<String>) -> [Finding] {
        guard let allowed = allowed[target] else { return [] }
        return source.imports.compactMap { module, line in
            guard modules.contains(module), module != target, !allowed.contains(module) else { return nil }
            return Finding(path: source.path, line: line, message: "\(target) must not know of \(module)")
        }
    }
}
