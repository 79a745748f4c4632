// swift-tools-version: 6.2
//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import CompilerPluginSupport
import PackageDescription

/// One set of rules for every target: warnings are errors, imports are explicit.
let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .treatAllWarnings(as: .error),
]

let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let deque = Target.Dependency.product(name: "DequeModule", package: "swift-collections")
let nio = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let http2 = Target.Dependency.product(name: "NIOHTTP2", package: "swift-nio-http2")
let hpack = Target.Dependency.product(name: "NIOHPACK", package: "swift-nio-http2")
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")

/// The modules under Sources, lowest first; docs/ARCHITECTURE.md says what each is for.
let modules: [Target] = [
    .target(name: "CRaySystem", path: "Sources/CRaySystem"),
    .target(name: "RaySystem", dependencies: ["CRaySystem"], path: "Sources/RaySystem", swiftSettings: strict),
    .target(name: "RayCore", path: "Sources/RayCore", swiftSettings: strict),
    .target(name: "RayWire", dependencies: ["RayCore"], path: "Sources/Wire", swiftSettings: strict),
    .target(name: "RayScheduler", dependencies: ["RayCore"], path: "Sources/Scheduler", swiftSettings: strict),
    .target(
        name: "RayObjectStore", dependencies: ["RayCore", "RayWire", "CRaySystem"], path: "Sources/ObjectStore",
        swiftSettings: strict),
    .target(
        name: "RayGCS", dependencies: ["RayCore", "RayWire", "RayScheduler"], path: "Sources/GCS",
        swiftSettings: strict),
    .target(name: "RayRaylet", dependencies: ["RayCore", "RayWire"], path: "Sources/Raylet", swiftSettings: strict),
    .target(
        name: "RayWorker", dependencies: ["RayCore", "RayWire", deque], path: "Sources/Worker",
        swiftSettings: strict),
    .target(
        name: "RayTransport", dependencies: ["RayCore", "RayWire", "CRaySystem"], path: "Sources/Transport",
        swiftSettings: strict),
    .target(
        name: "RayStorage", dependencies: ["RayCore", "RayWire", "RayGCS", "RayTransport", "CRaySystem"],
        path: "Sources/Storage", swiftSettings: strict),
    .target(
        name: "RayNode",
        dependencies: [
            "RayCore", "RayWire", "RayScheduler", "RayObjectStore", "RayGCS", "RayRaylet", "RayWorker",
            "RayTransport", "RayStorage", "RaySystem", "CRaySystem", deque, logging,
        ], path: "Sources/Node", swiftSettings: strict),
    .macro(
        name: "RayMacros",
        dependencies: [
            .product(name: "SwiftSyntaxMacros", package: "swift-syntax"),
            .product(name: "SwiftCompilerPlugin", package: "swift-syntax"),
            .product(name: "SwiftSyntax", package: "swift-syntax"),
            .product(name: "SwiftSyntaxBuilder", package: "swift-syntax"),
            .product(name: "SwiftDiagnostics", package: "swift-syntax"),
        ], path: "Sources/RayMacros", swiftSettings: strict),
    .target(
        name: "Ray",
        dependencies: [
            "RayCore", "RayWire", "RayWorker", "RayNode", "RayTransport", "RayMacros", "RaySystem", "CRaySystem",
        ],
        path: "Sources/Ray", swiftSettings: strict + [.enableExperimentalFeature("Lifetimes")]),
    .target(name: "CRayPython", path: "Sources/CRayPython"),
    .target(
        name: "RayPython",
        dependencies: [
            "CRayPython", "RayCore", "RayWire", "RayWorker", "RayNode", "RayTransport", "RaySystem", "CRaySystem",
            deque,
        ],
        path: "Sources/RayPython", swiftSettings: strict),
    .target(name: "CRayGRPC", path: "Sources/CRayGRPC"),
    .target(
        name: "RayGRPC",
        dependencies: [
            "CRayGRPC", "RaySystem", nio, http2, hpack, .product(name: "NIOPosix", package: "swift-nio"),
        ],
        path: "Sources/GRPC", swiftSettings: strict),
    .target(
        name: "RaySimulation",
        dependencies: [
            "RayCore", "RayWire", "RayScheduler", "RayObjectStore", "RayGCS", "RayRaylet", "RayWorker",
        ], path: "Sources/Simulation", swiftSettings: strict),
    .target(
        name: "RayCLI", dependencies: ["RayCore", "RayWire", "RayNode", "RayTransport", "RaySimulation", arguments],
        path: "Sources/CLI", swiftSettings: strict),
]

let programs: [Target] = [
    .executableTarget(
        name: "raytestprogram", dependencies: ["Ray"], path: "Tests/Programs/TestProgram", swiftSettings: strict),
    .executableTarget(
        name: "bytesworker", dependencies: ["RayCore", "RayWorker", "RayNode"], path: "Tests/Programs/BytesWorker",
        swiftSettings: strict),
    .executableTarget(
        name: "raychaos", dependencies: ["Ray"], path: "Tests/Programs/Chaos", swiftSettings: strict),
    .executableTarget(name: "ray", dependencies: ["RayCLI"], path: "Sources/RayProgram", swiftSettings: strict),
    .executableTarget(
        name: "wordindex", dependencies: ["Ray"], path: "examples/WordIndex", swiftSettings: strict),
    .executableTarget(
        name: "together", dependencies: ["Ray"], path: "examples/Together", exclude: ["shapes.py"],
        swiftSettings: strict),
    .executableTarget(name: "raybench", dependencies: ["Ray"], path: "Benchmarks/RayBench", swiftSettings: strict),
]

/// A test target named after the module that it tests.
func tests(_ name: String, _ dependencies: Target.Dependency..., without excluded: [String] = []) -> Target {
    .testTarget(
        name: name, dependencies: dependencies, path: "Tests/\(name)", exclude: excluded, swiftSettings: strict)
}

let testTargets: [Target] = [
    tests("RayCoreTests", "RayCore"),
    tests("SchedulerTests", "RayCore", "RayScheduler"),
    tests("ObjectStoreTests", "RayCore", "RayObjectStore", "CRaySystem"),
    tests("WireTests", "RayCore", "RayWire"),
    tests("TransportTests", "RayCore", "RayWire", "RayTransport", "RaySystem", "CRaySystem"),
    tests("GCSTests", "RayCore", "RayWire", "RayScheduler", "RayGCS"),
    tests(
        "RayletTests", "RayCore", "RayWire", "RayRaylet", "RayNode", "RayObjectStore", "RayTransport", "CRaySystem"),
    tests(
        "GRPCTests", "RayGRPC", "CRayGRPC", nio, http2, hpack, .product(name: "NIOEmbedded", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio")),
    tests("StorageTests", "RayCore", "RayGCS", "RayStorage"),
    tests("WorkerTests", "RayCore", "RayWire", "RayWorker"),
    tests(
        "RayMacrosTests", "RayMacros", .product(name: "SwiftParser", package: "swift-syntax"),
        .product(name: "SwiftSyntaxBuilder", package: "swift-syntax"),
        .product(name: "SwiftSyntaxMacroExpansion", package: "swift-syntax"), without: ["Fixtures"]),
    tests("RayTests", "Ray", "RayCore", "RayWorker"),
    tests("CLITests", "RayCLI", "RayCore", "RayWire", "RayNode"),
    tests(
        "NodeTests", "RayCore", "RayWire", "RayRaylet", "RayWorker", "RayNode", "RayTransport", "CRaySystem",
        "bytesworker"),
    tests("IntegrationTests", "ray", "wordindex", "raytestprogram"),
    tests("SimulationTests", "RaySimulation"),
    tests("TidyTests"),
]

let package = Package(
    name: "swift-ray",
    platforms: [.macOS(.v15)],
    products: [
        .library(name: "Ray", targets: ["Ray"]),
        .executable(name: "ray", targets: ["ray"]),
        .library(name: "RayPython", type: .dynamic, targets: ["RayPython"]),
        .library(name: "RayGRPC", type: .dynamic, targets: ["RayGRPC"]),
    ],
    dependencies: [
        .package(url: "https://github.com/swiftlang/swift-syntax", from: "603.0.1"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-http2", from: "1.46.0"),
    ],
    targets: modules + programs + testTargets,
    swiftLanguageModes: [.v6]
)
