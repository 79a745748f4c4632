//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import NIOCore

/// What calls have in common that are submitted in one way.
package struct CallKey: Hashable, Sendable {
    private let kind: ClientTask.Kind
    private let payloadID: ByteBuffer
    private let name: String
    private let namespace: String
    private let options: ByteBuffer?
    private let baselineOptions: ByteBuffer?
    private let argumentCount: Int

    /// A call that is named by more is not kept in mind.
    private static let bytesMax = 4 << 10

    /// Of a call with so many arguments; nothing if its names or options are large. Its bytes are copied: a message is not
    /// kept for them.
    init?(_ task: ClientTask, argumentCount: Int) {
        let bytes = [task.payloadID, task.options, task.baselineOptions].reduce(0) { $0 + ($1?.readableBytes ?? 0) }
        guard bytes + task.name.utf8.count + task.namespace.utf8.count <= Self.bytesMax else { return nil }
        func copy(_ bytes: ByteBuffer) -> ByteBuffer { ByteBuffer(bytes: bytes.readableBytesView) }
        kind = task.kind
        payloadID = copy(task.payloadID)
        name = task.name
        namespace = task.namespace
        options = task.options.map(copy)
        baselineOptions = task.baselineOptions.map(copy)
        self.argumentCount = argumentCount
    }
}

/// How a call is submitted that the program has submitted once.
package struct LearnedCall: Sendable {
    /// The runtime's template, and what keeps it.
    package let template: any AnyObject & Sendable
    /// The actor whose method it is; none for a function.
    package let actor: ByteBuffer?
    /// How many results there are at most.
    package let resultsMax: Int
    /// What goes before each argument.
    package let marker: PlainValue

    /// Of a template, on an actor if there is one, with so many results at most, and a marker before each argument.
    package init(template: any AnyObject & Sendable, actor: ByteBuffer?, resultsMax: Int, marker: PlainValue) {
        self.template = template
        self.actor = actor
        self.resultsMax = resultsMax
        self.marker = marker
    }
}
