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

let package = Package(
    name: "swift-ray",
    platforms: [.macOS(.v15)],
    dependencies: [
        .package(url: "https://github.com/swiftlang/swift-syntax", from: "603.0.1"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    ],
    targets: [
        .target(name: "RayCore", path: "Sources/RayCore", swiftSettings: strict),
        .target(name: "RayWire", dependencies: ["RayCore"], path: "Sources/Wire", swiftSettings: strict),
        .target(
            name: "RayWorker",
            dependencies: ["RayCore", "RayWire", .product(name: "DequeModule", package: "swift-collections")], path: "Sources/Worker", swiftSettings: strict),
        .macro(
            name: "RayMacros",
            dependencies: [
                .product(name: "SwiftSyntaxMacros", package: "swift-syntax"),
                .product(name: "SwiftCompilerPlugin", package: "swift-syntax"),
            ], path: "Sources/RayMacros", swiftSettings: strict),
    ],
    swiftLanguageModes: [.v6]
)
