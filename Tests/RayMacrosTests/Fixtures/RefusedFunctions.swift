//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Ray

struct Box: ~Copyable {}
protocol Shape: Codable, Sendable {}
struct Circle: Shape {}

// error: 'generic' cannot be remote because it is generic: a worker looks functions up by name and cannot choose the
//   types; write one function for each type
@Remote func generic<T: Codable & Sendable>(_ value: T) -> Int { 1 }

// error: 'opaqueArgument' cannot be remote because it uses a 'some' type: a worker cannot know the type behind it;
//   name the type
@Remote func opaqueArgument(_ value: some Shape) -> Int { 1 }

// error: 'opaqueResult' cannot be remote because it uses a 'some' type: a worker cannot know the type behind it; name
//   the type
@Remote func opaqueResult() -> some Shape { Circle() }

// error: 'changes' cannot be remote because 'value' is 'inout': the worker has a copy of the argument; return the new
//   value instead
@Remote func changes(_ value: inout Int) {}

// error: 'variadic' cannot be remote because 'values' is variadic; take an array instead
@Remote func variadic(_ values: Int...) -> Int { values.count }

// error: 'takesClosure' cannot be remote because it takes or returns a closure: code cannot be sent to another
//   process; pass the data that the closure needs
@Remote func takesClosure(_ body: @Sendable () -> Int) -> Int { body() }

// error: 'returnsClosure' cannot be remote because it takes or returns a closure: code cannot be sent to another
//   process; pass the data that the closure needs
@Remote func returnsClosure() -> @Sendable () -> Int { { 1 } }

// error: 'consumes' cannot be remote because 'box' is 'consuming': arguments are copied to another process, which a
//   '~Copyable' value does not allow; take a copyable value
@Remote func consumes(_ box: consuming Box) -> Int { 1 }

// error: 'borrows' cannot be remote because 'box' is 'borrowing': arguments are copied to another process, which a
//   '~Copyable' value does not allow; take a copyable value
@Remote func borrows(_ box: borrowing Box) -> Int { 1 }

// error: 'isolated' cannot be remote because 'owner' is 'isolated': an actor does not leave its process; use
//   '@RemoteActor'
@Remote func isolated(_ owner: isolated Owner) -> Int { 1 }
actor Owner {}

// error: 'passesOn' cannot be remote because it is 'rethrows': there is no closure whose error it could pass on; use
//   'throws'
// error: 'rethrows' function must take a throwing function argument
@Remote func passesOn(_ number: Int) rethrows -> Int { number }

// error: '@Remote' can be put on functions only; for an actor or a final class use '@RemoteActor'
@Remote struct NotAFunction {}

// error: '@Remote' can be put on functions only; for an actor or a final class use '@RemoteActor'
@Remote let alsoNotAFunction = 1
