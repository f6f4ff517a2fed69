"""Containers of arrays that tests of more than one file hand over."""


class OnlyDlpack:
    """What has DLPack's two methods, and nothing of NumPy's."""

    def __init__(self, array):
        self.array = array

    def __dlpack__(self, **options):
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()
