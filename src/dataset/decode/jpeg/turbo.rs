//! JPEG through libjpeg-turbo: OpenCV's own pixels. Through its C interface itself, as the safe one over it takes a warning for a
//! failure, and a picture that is damaged in the middle is to be read as OpenCV reads it.

use std::ffi::{CStr, c_int};

use turbojpeg_sys as tj;

use super::markers::markers;
use super::{coefficients, is_blank, rows};
use crate::dataset::decode::error::broken;
use crate::dataset::decode::scale::means;
use crate::dataset::decode::{Coded, Extent, Opened as Picture, PictureError, Scratch, check_size, resize};

/// The decoder, made for the first picture.
#[derive(Debug, Default)]
pub(in crate::dataset::decode) struct Kept(Option<Handle>);

/// A TurboJPEG instance.
#[derive(Debug)]
struct Handle(tj::tjhandle);

// SAFETY: an instance is memory of its own and belongs to no thread; it is used through `&mut` alone.
#[allow(unsafe_code)]
unsafe impl Send for Handle {}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: the instance was made by `tj3Init`, and nothing else destroys it.
        #[allow(unsafe_code)]
        unsafe {
            tj::tj3Destroy(self.0);
        }
    }
}

impl Handle {
    fn new() -> Result<Self, PictureError> {
        // SAFETY: takes a number.
        #[allow(unsafe_code)]
        let handle = unsafe { tj::tj3Init(tj::TJINIT_TJINIT_DECOMPRESS as c_int) };
        if handle.is_null() { Err(PictureError::Memory(rows(0))) } else { Ok(Self(handle)) }
    }

    /// What the last call says: warnings are none of ours, as the picture is there.
    fn answer(&mut self, code: c_int) -> Result<(), PictureError> {
        if code == 0 {
            return Ok(());
        }
        // SAFETY: the instance is alive; the text is its own and lives until the next call, which `&mut` holds off.
        #[allow(unsafe_code)]
        let (severity, text) =
            unsafe { (tj::tj3GetErrorCode(self.0), CStr::from_ptr(tj::tj3GetErrorStr(self.0))) };
        if severity == tj::TJERR_TJERR_WARNING as c_int {
            return Ok(());
        }
        Err(broken(&text.to_string_lossy()))
    }

    fn header(&mut self, file: &[u8]) -> Result<[c_int; 3], PictureError> {
        // SAFETY: the instance is alive, and `file` is as long as is said.
        #[allow(unsafe_code)]
        let code = unsafe { tj::tj3DecompressHeader(self.0, file.as_ptr(), file.len() as tj::size_t) };
        self.answer(code)?;
        let wanted =
            [tj::TJPARAM_TJPARAM_JPEGWIDTH, tj::TJPARAM_TJPARAM_JPEGHEIGHT, tj::TJPARAM_TJPARAM_COLORSPACE];
        // SAFETY: the instance is alive.
        #[allow(unsafe_code)]
        Ok(wanted.map(|parameter| unsafe { tj::tj3Get(self.0, parameter as c_int) }))
    }

    /// Decodes `file`, of which `width`×`height` pixels of `channels` bytes are to come at 1/`scale`, to `to`.
    fn decode(
        &mut self,
        file: &[u8],
        (width, height, scale): (u32, u32, u32),
        (channels, format): (u32, tj::TJPF),
        to: &mut [u8],
    ) -> Result<(), PictureError> {
        let [declared_width, declared_height, _] = self.header(file)?;
        let side = |declared: c_int| (declared.max(0) as u32).div_ceil(scale);
        let pitch = width as usize * channels as usize;
        if (side(declared_width), side(declared_height)) != (width, height)
            || to.len() != pitch * height as usize
        {
            return Err(broken("its header and its pixels disagree"));
        }
        let factor = tj::tjscalingfactor { num: 1, denom: scale as c_int };
        // SAFETY: the instance is alive.
        #[allow(unsafe_code)]
        let code = unsafe { tj::tj3SetScalingFactor(self.0, factor) };
        self.answer(code)?;
        // SAFETY: the instance is alive and `file` is as long as is said. It writes `height` rows of `pitch` bytes, by the size of the
        // header just read from the very same bytes, and `to` has as many.
        #[allow(unsafe_code)]
        let code = unsafe {
            tj::tj3Decompress8(
                self.0,
                file.as_ptr(),
                file.len() as tj::size_t,
                to.as_mut_ptr(),
                pitch as c_int,
                format as c_int,
            )
        };
        self.answer(code)
    }
}

/// A picture whose header was read.
pub(in crate::dataset::decode) struct Opened<'a> {
    file: &'a [u8],
    scratch: &'a mut Scratch,
    size: (u32, u32),
    cmyk: bool,
    cut_off: bool,
}

/// Reads the header.
pub(in crate::dataset::decode) fn open<'a>(
    file: &'a [u8],
    scratch: &'a mut Scratch,
    max_pixels: u64,
) -> Result<Picture<'a>, PictureError> {
    let found = markers(file);
    found.check(max_pixels)?;
    if found.cut_off && !found.pixels {
        return Err(PictureError::Truncated);
    }
    let handle = match &mut scratch.jpeg.0 {
        Some(handle) => handle,
        none => none.insert(Handle::new()?),
    };
    let [width, height, colours] = handle.header(file)?;
    let size = (width.max(0) as u32, height.max(0) as u32);
    let pixels = check_size(size.0, size.1, max_pixels)?;
    if found.cut_off && !scratch.keep_cut_off {
        return Err(PictureError::Truncated);
    }
    let cmyk = [tj::TJCS_TJCS_CMYK, tj::TJCS_TJCS_YCCK].map(|c| c as c_int).contains(&colours);
    let (width, height) = (size.0.div_ceil(scratch.scale), size.1.div_ceil(scratch.scale));
    let kept = if found.passes { coefficients(size.0, size.1, found.components) } else { 0 };
    let between = match (cmyk, scratch.scale) {
        (false, _) => 0,
        (true, 1) => 4 * pixels,
        (true, _) => 7 * pixels,
    };
    Ok(Picture {
        width,
        height,
        scratch: rows(size.0) + kept + between,
        coded: Coded::Jpeg(Opened { file, scratch, size, cmyk, cut_off: found.cut_off }),
    })
}

impl Opened<'_> {
    pub(in crate::dataset::decode) fn decode_into(self, rgb: &mut [u8]) -> Result<Extent, PictureError> {
        let Scratch { scale, kept, raw, full, jpeg, .. } = self.scratch;
        let Some(handle) = &mut jpeg.0 else { return Err(broken("it has no header")) };
        let (width, height) = self.size;
        if !self.cmyk {
            let small = (width.div_ceil(*scale), height.div_ceil(*scale), *scale);
            handle.decode(self.file, small, (3, tj::TJPF_TJPF_RGB), rgb)?;
            if self.cut_off && is_blank(rgb) {
                return Err(PictureError::Truncated);
            }
            return Ok(Extent::of(self.cut_off));
        }
        let pixels = u64::from(width) * u64::from(height);
        resize(raw, 4 * pixels, *kept)?;
        handle.decode(self.file, (width, height, 1), (4, tj::TJPF_TJPF_CMYK), raw)?;
        if *scale == 1 {
            cmyk_to_rgb(raw, rgb);
        } else {
            resize(full, 3 * pixels, *kept)?;
            cmyk_to_rgb(raw, full);
            means(full, (width as usize, height as usize), *scale as usize, rgb);
        }
        Ok(Extent::of(self.cut_off))
    }
}

/// As OpenCV does (`icvCvt_CMYK2BGR_8u_C4C3R`): inks are stored inverted.
fn cmyk_to_rgb(cmyk: &[u8], rgb: &mut [u8]) {
    for (&[c, m, y, k], rgb) in cmyk.as_chunks::<4>().0.iter().zip(rgb.as_chunks_mut::<3>().0) {
        let k = i32::from(k);
        *rgb = [c, m, y].map(|ink| (k - (((255 - i32::from(ink)) * k) >> 8)) as u8);
    }
}
