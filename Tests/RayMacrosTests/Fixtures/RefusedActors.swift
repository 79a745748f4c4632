//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Ray

// error: '@RemoteActor' can be put on an actor or a final class only
@RemoteActor struct NotAClass {}

// error: 'Open' cannot be a remote actor because it is a class that is not final; write 'final class Open'
@RemoteActor class Open {}

// error: 'GenericActor' cannot be a remote actor because it is generic: a worker looks types up by name; write one
//   type for each argument
@RemoteActor actor GenericActor<Element> {}

func actorSurroundings() {
    // error: 'LocalActor' cannot be a remote actor because it is declared inside other code, which a worker does not
    //   run; move it to file scope
    // error: local type cannot have attached extension macro
    @RemoteActor actor LocalActor {}
}

struct GenericScope<Element> {
    // error: 'Inner' cannot be remote because the type around it is generic; move it to file scope
    @RemoteActor actor Inner {}
}

@RemoteActor actor Failable {
    // error: a remote actor cannot have an initialiser that returns nil; throw an error instead, or mark the
    //   initialiser '@Local'
    init?(_ number: Int) { if number < 0 { return nil } }
}

@RemoteActor actor Methods {
    // error: 'generic' cannot be remote because it is generic: a worker looks functions up by name and cannot choose
    //   the types; write one function for each type
    func generic<T: Codable & Sendable>(_ value: T) -> Int { 1 }
}

@RemoteActor actor Changes {
    // error: 'change' cannot be remote because 'value' is 'inout': the worker has a copy of the argument; return the
    //   new value instead
    func change(_ value: inout Int) {}
}

@RemoteActor actor Closures {
    // error: 'run' cannot be remote because it takes or returns a closure: code cannot be sent to another process;
    //   pass the data that the closure needs
    func run(_ body: @Sendable () -> Int) -> Int { body() }
}
