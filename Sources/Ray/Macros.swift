//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

/// Makes a function callable in other processes: `ray.remote(square)(3)` gives an `ObjectRef` of its result.
///
/// Parameters and results must be `Codable`. An argument may be a value or the `ObjectRef` of one. A function that
/// returns `AsyncStream<T>` or `AsyncThrowingStream<T, any Error>` is a generator: a call gives an `ObjectRefStream<T>`.
@attached(peer, names: overloaded)
public macro Remote() = #externalMacro(module: "RayMacros", type: "RemoteMacro")

/// Lets an actor or a final class live in a process of its own: `ray.remote(Counter.self).remote(start: 1)`.
///
/// Its methods and initialisers become remote, but for those that are `private` or marked `@Local`, or stand in
/// extensions.
///
/// - Parameters:
///   - mode: whether calls may interleave where they suspend.
///   - groups: groups of calls by name, and how many calls of each may run at the same time. A method is put into one
///     by `@ConcurrencyGroup("name")`, a call by `handle.options(concurrencyGroup:)`; all others count together.
@attached(member, names: named(Handle), named(Factory))
@attached(extension, conformances: ray.RemoteActor)
public macro RemoteActor(_ mode: ray.ActorMode = .ordered, groups: [String: Int] = [:]) =
    #externalMacro(module: "RayMacros", type: "RemoteActorMacro")

/// Lets the calls of a remote actor's method count in a group that its `@RemoteActor(groups:)` names.
@attached(peer)
public macro ConcurrencyGroup(_ name: String) = #externalMacro(module: "RayMacros", type: "LocalMacro")

/// Keeps a method or initialiser of a remote actor out of its handle.
@attached(peer)
public macro Local() = #externalMacro(module: "RayMacros", type: "LocalMacro")
