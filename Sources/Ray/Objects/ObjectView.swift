//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayWorker

/// An array of numbers in the object store, read where it lies; the store keeps it while the view exists.
public struct ObjectView<Element: ray.Number>: ~Copyable, Sendable {
    // The object's bytes stay where they are while `object` lives, which is as long as the view.
    private nonisolated(unsafe) let numbers: UnsafeBufferPointer<Element>
    private let object: any FetchedObject

    /// Checks that the object is an array of these numbers.
    package init(_ object: any FetchedObject) throws {
        self.object = object
        let bytes = try Store.numbers(Element.self, of: object)
        if bytes.isEmpty {
            numbers = UnsafeBufferPointer(start: nil, count: 0)
        } else {
            guard let start = bytes.baseAddress,
                UInt(bitPattern: start).isMultiple(of: UInt(MemoryLayout<Element>.alignment))
            else { throw CodingFailure("the object's bytes are not aligned") }
            numbers = bytes.bindMemory(to: Element.self)
        }
    }

    /// How many numbers there are.
    public var count: Int { numbers.count }

    /// The numbers, borrowed from the view.
    public var span: Span<Element> {
        @_lifetime(borrow self)
        get { _overrideLifetime(numbers.span, borrowing: self) }
    }

    /// Lends the numbers to `body`.
    public func withSpan<Result: ~Copyable, Failure: Error>(
        _ body: (Span<Element>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(span)
    }
}

extension ray {
    /// Waits for an array of numbers and reads it where it lies, without a copy.
    ///
    /// - Throws: what `get` throws, and `ray.SystemError` if the object is no array of these numbers.
    public static nonisolated(nonsending) func view<Element: Number>(
        _ reference: ObjectRef<[Element]>, timeout: Duration? = nil
    ) async throws -> ObjectView<Element> {
        let objects = try await Fetch.objects([reference.storage], timeout: timeout)
        guard let object = objects.first else { throw SystemError.system("an object is missing from a view") }
        do {
            return try ObjectView(object)
        } catch let error as CodingFailure {
            throw SystemError.system("object \(reference.id) is not an array of \(Element.self): \(error)")
        }
    }
}
