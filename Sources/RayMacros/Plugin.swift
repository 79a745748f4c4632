//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
internal import SwiftCompilerPlugin
internal import SwiftSyntaxMacros

@main struct RayMacrosPlugin: CompilerPlugin {
    let providingMacros: [any Macro.Type] = [RemoteMacro.self, RemoteActorMacro.self, LocalMacro.self]
}
