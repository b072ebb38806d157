#!/bin/bash
# Makes the clips of this folder that the matrix test reads, with ffmpeg 5.1 and Node. Each line says what is special
# about its clip; the picture is picture.mjs's, the sound a click each half second. Run it in this folder, with Node 24.
set -eu
tmp=$(mktemp -d)
trap 'rm -r "$tmp"' EXIT

# raw <pixel format> <rate> <width> <height> <frames> [matrix, range, chroma, depth]: the picture, as an input of ffmpeg.
raw() {
  format=$1 rate=$2
  shift 2
  file=$tmp/$(echo "$@" | tr ' ' -).yuv
  node picture.mjs "$@" >"$file"
  echo "-f rawvideo -pix_fmt $format -video_size $1x$2 -framerate $rate -i $file"
}
sound() { echo "-f lavfi -t $1 -i aevalsrc='0.7*sin(2*PI*1000*t)*lt(mod(t\\,0.5)\\,0.02)':s=$2:c=$3"; }
f() { ffmpeg -nostdin -hide_banner -loglevel error -y "${@:1:$#-1}" -bitexact "${@: -1}" || { echo "failed: $*" >&2; exit 1; }; }
# tag <primaries> <transfer> <matrix> <range>
tag() { echo "-color_primaries $1 -color_trc $2 -colorspace $3 -color_range $4"; }
HD="$(tag bt709 bt709 bt709 tv)"
SD="$(tag smpte170m smpte170m smpte170m tv)"
SDFULL="$(tag smpte170m smpte170m smpte170m pc)"
X264="-c:v libx264 -preset veryfast -crf 18 -g 25 -threads 1"
VP9="-c:v libvpx-vp9 -b:v 0 -crf 20 -g 25 -cpu-used 5 -threads 1"
AV1="-c:v libaom-av1 -b:v 0 -crf 20 -g 25 -cpu-used 8 -threads 1"
AAC="-c:a aac -b:a 48k"
IN="$(raw yuv420p 25 160 96 50)"
S="$(sound 2 48000 stereo)"

# Codecs and containers.
f $IN $S $HD $X264 -bf 3 $AAC avc.mp4
f -i avc.mp4 -c copy avc.mov
f -i avc.mp4 -c copy -movflags frag_keyframe+empty_moov+default_base_moof avc-fragmented.mp4
f -i avc.mp4 -c copy avc.mkv
f -i avc.mp4 -c copy -f mpegts avc.mpegts
f $IN $S $HD $VP9 -c:a libopus -b:a 48k vp9.webm
f -i vp9.webm -c copy -strict -2 vp9.mp4
# VP8 with pictures that are decoded and never shown, which libvpx makes in two passes.
VP8="-c:v libvpx -b:v 60k -g 50 -auto-alt-ref 1 -lag-in-frames 16 -arnr-maxframes 7 -deadline good -cpu-used 0"
VP8="$VP8 -passlogfile $tmp/vp8"
IN601="$(raw yuv420p 25 160 96 50 601)"
f $IN601 $VP8 -pass 1 -f null -
f $IN601 $S $VP8 -pass 2 -c:a libvorbis vp8-altref.webm
f $IN $S $HD $AV1 $AAC av1.mp4
f -i av1.mp4 -c copy av1.mkv

# Rates, with 44.1 kHz mono; in Matroska times are rounded to milliseconds.
for rate in 24000/1001:36 30000/1001:45 60000/1001:90; do
  frames=${rate#*:} rate=${rate%:*} name=$(echo "$rate" | cut -c1-2)
  f $(raw yuv420p $rate 160 96 $frames) $(sound 1.5 44100 mono) $HD $X264 -bf 2 $AAC rate-$name-1001.mp4
  f -i rate-$name-1001.mp4 -c copy rate-$name-1001.mkv
done
f $(raw yuv420p 60 160 96 120) $HD $X264 -g 60 rate-60.mp4
f $(raw yuv420p 120 160 96 120) $HD $X264 -g 60 rate-120.mp4
# Variable: every third frame left out from 0.8 s on; and times moved by up to 15 ms.
f $IN -vf "select='lt(n\,20)+mod(n\,3)'" -vsync vfr $HD $X264 vfr-holes.mp4
f $IN -vf "settb=1/1000,setpts='PTS+15*random(1)'" -vsync passthrough -enc_time_base 1:1000 $HD $VP9 vfr-jitter.webm
# Constant for longer than is measured when a file is opened; then a frame is missing.
f $(raw yuv420p 50 160 96 700) -vf "select='1-eq(n\,660)'" -vsync vfr $HD $X264 -crf 30 -g 50 hole-later.mp4

# How pictures depend on each other: open GOPs, one long GOP.
f $(raw yuv420p 25 160 96 75) $S $HD $X264 -bf 3 -x264-params open-gop=1:keyint=25:min-keyint=25 $AAC opengop.mp4
f $(raw yuv420p 25 160 96 150) $HD $X264 -g 300 -bf 3 longgop.mkv
# An edit list that begins 0.6 s into a GOP; one that delays the picture by 0.4 s.
f -ss 0.6 -i avc.mp4 -c copy editlist-trimmed.mp4
f -itsoffset 0.4 -i avc.mp4 -i avc.mp4 -map 0:v -map 1:a -c copy editlist-delayed.mp4
# Key-frame labels taken away, and put on every frame.
node patch.mjs unlabelled avc.mkv labels-none.mkv
node patch.mjs all-sync avc.mp4 labels-all.mp4
# MPEG-TS cut anywhere: begins in mid-GOP; ends in mid-packet.
node patch.mjs slice avc.mpegts begins-midgop.mpegts 0.4 1
node patch.mjs slice avc.mpegts ends-midpacket.mpegts 0 0.8

# Shape.
for turn in 90 180 270; do f -i avc.mp4 -c copy -metadata:s:v rotate=$turn turned-$turn.mp4; done
node patch.mjs mirrored avc.mp4 mirrored.mp4
f $IN -vf setsar=4/3 $HD $X264 sar-avc.mp4
node patch.mjs vui-only sar-avc.mp4 sar-vui.mp4
f -i sar-avc.mp4 -c copy -f mpegts sar-avc.mpegts
f $IN -vf setsar=3/4 $HD $VP9 sar-vp9.webm
f $(raw yuv420p 25 161 97 50) $HD $VP9 odd.webm
f $(raw yuv420p 25 96 160 50) $HD $X264 portrait.mp4
f $(raw yuv420p 60 3840 2160 3) $HD $X264 -crf 30 uhd.mp4

# Length.
f $(raw yuv420p 25 160 96 1) $HD $X264 one-frame.mp4
f $(raw yuv420p 25 160 96 1) $HD $VP9 one-frame.webm
f $(raw yuv420p 25 160 96 1) $HD $X264 -f mpegts one-frame.mpegts
f $(raw yuv420p 25 160 96 5) $HD $X264 short.mp4

# Sound: 5.1, mono MP3, two tracks of which the second is the default.
f $IN $(sound 2 48000 5.1) $HD $X264 -c:a aac -b:a 96k sound-51.mp4
f $IN $(sound 2 44100 mono) $HD $X264 -c:a libmp3lame -b:a 48k sound-mp3.mkv
f -i avc.mp4 $(sound 2 44100 mono) -map 0:v -map 0:a -map 1:a -c:v copy $AAC -metadata:s:a:0 language=deu \
  -metadata:s:a:1 language=eng -disposition:a:0 0 -disposition:a:1 default sound-two.mkv

# Colour: every tag that means something else, and tags that lack fields.
f $(raw yuvj420p 25 160 96 50 709 pc) $(tag bt709 bt709 bt709 pc) $X264 colour-709-full.mp4
f $IN601 $SD $X264 colour-601.mp4
f $(raw yuvj420p 25 160 96 50 601 pc) $SDFULL $X264 colour-601-full.mp4
f $(raw yuvj420p 25 160 96 50 601 pc) -colorspace bt470bg -color_range pc $X264 colour-half-full.mp4
f $IN601 $X264 colour-untagged.mp4
f $IN $(tag bt709 iec61966-2-1 bt709 tv) $X264 colour-srgb.mp4
f $(raw yuv420p 25 160 96 50 709 pc) $(tag bt709 bt709 bt709 pc) $VP9 colour-709-full.webm
f $(raw yuvj420p 25 160 96 50 601 pc) $SDFULL $X264 -f mpegts colour-601-full.mpegts
f $(raw yuv420p 25 1280 720 10) $X264 -crf 30 colour-untagged-720.mp4

# Samples: 10 bits, 4:2:2, 4:4:4, and what is high dynamic range.
f $(raw yuv420p10le 25 160 96 50 709 tv 420 10) $HD $VP9 -profile:v 2 deep-vp9.webm
f $(raw yuv420p10le 25 160 96 50 709 tv 420 10) $HD $AV1 deep-av1.mp4
f $(raw yuv420p10le 25 160 96 50 709 tv 420 10) $HD $X264 deep-avc.mp4
f $(raw yuv422p 25 160 96 50 709 tv 422) $HD $X264 chroma-422.mp4
f $(raw yuv444p 25 160 96 50 709 tv 444) $HD $X264 chroma-444.mp4
f $(raw yuv444p 25 160 96 50 709 tv 444) $HD $VP9 chroma-444.webm
f $(raw yuv420p10le 25 160 96 50 2020 tv 420 10) $(tag bt2020 smpte2084 bt2020nc tv) $VP9 -profile:v 2 hdr-pq.webm
f $(raw yuv420p10le 25 160 96 50 2020 tv 420 10) $(tag bt2020 arib-std-b67 bt2020nc tv) $AV1 hdr-hlg.mp4

# A picture that changes its size in mid-stream: twice as large from 2 s on.
f $IN $HD $X264 -f mpegts "$tmp/small.ts"
f $(raw yuv420p 25 320 192 50) $HD $X264 -f mpegts -output_ts_offset 2.08 "$tmp/large.ts"
cat "$tmp/small.ts" "$tmp/large.ts" >size-change.mpegts

# Five frames and their sound in each container, for the fuzz test: the less media, the more mutations meet structure.
FIVE="$(raw yuv420p 25 160 96 5)"
f $FIVE $(sound 0.2 48000 mono) $HD $X264 -bf 2 $AAC tiny.mp4
f -i tiny.mp4 -c copy -movflags frag_every_frame+empty_moov+default_base_moof tiny-fragmented.mp4
f -i tiny.mp4 -c copy tiny.mkv
f -i tiny.mp4 -c copy -f mpegts tiny.mpegts
f $FIVE $(sound 0.2 48000 mono) $HD $VP9 -c:a libopus -b:a 48k tiny.webm
