/// Memory for the operands of a kernel inside another.
package final class OperandList {
    package let base: UnsafeMutablePointer<UnsafeMutableRawPointer?>

    package init(count: Int) {
        base = .allocate(capacity: count)
        base.initialize(repeating: nil, count: count)
    }

    deinit { base.deallocate() }

    package subscript(index: Int) -> UnsafeMutableRawPointer? {
        get { base[index] }
        set { base[index] = newValue }
    }
}
